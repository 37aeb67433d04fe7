-- Bot: claim, plan, send, confirm, settle. Every write carries the claim's epoch.

create or replace function billcopy.database_now() returns timestamptz
language sql volatile set search_path = billcopy, pg_temp as $$
    -- The clock by which a look at the bank's log is dated.
    select clock_timestamp()
$$;

create or replace function billcopy.start_bot_run(
    p_portal text, p_host text, p_boot_id text, p_process_group integer, p_process_started_at double precision,
    p_dag_run_id text, p_request_ids bigint [], p_received_from timestamptz, p_received_to timestamptz,
    p_limit integer, p_versions jsonb, p_actor text
) returns bigint
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    v_id bigint;
begin
    perform act_as(p_actor);
    insert into bot_runs (
        portal, host, boot_id, process_group, process_started_at, dag_run_id, request_ids, received_from, received_to,
        request_limit, versions, actor
    ) values (
        p_portal, p_host, p_boot_id, p_process_group, p_process_started_at, p_dag_run_id, p_request_ids, p_received_from,
        p_received_to, p_limit, coalesce(p_versions, '{}'), p_actor
    ) returning id into v_id;
    perform record_event('bot_run', v_id::text, 'bot run started');
    return v_id;
exception when foreign_key_violation then
    raise exception using errcode = 'BC003', message = format('there is no portal called "%s"; run `migrate` to register it', p_portal);
end
$$;

create or replace function billcopy.finish_bot_run(p_bot_run_id bigint, p_stop_reason text, p_blocked_requests integer) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
begin
    perform act_as(format('bot run %s', p_bot_run_id), p_stop_reason);
    update bot_runs set finished_at = clock_timestamp(), stop_reason = p_stop_reason, blocked_requests = p_blocked_requests
    where id = p_bot_run_id and finished_at is null;
    if found then
        perform record_event('bot_run', p_bot_run_id::text, 'bot run finished');
    end if;
end
$$;

create or replace function billcopy.take_portal_lock(p_portal text) returns boolean
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- One bot per portal: a lock that lives as long as this connection.
    select pg_try_advisory_lock(hashtext('billcopy portal'), hashtext(p_portal))
$$;

create or replace function billcopy.holds_portal_lock(p_portal text) returns boolean
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    select exists (
        select from pg_locks as l
        where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.granted and l.objsubid = 2
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
        and l.classid = hashtext('billcopy portal')::bit(32)::bigint::oid
        and l.objid = hashtext(p_portal)::bit(32)::bigint::oid
    )
$$;

create or replace function billcopy.claimed_request(p_request_id bigint, p_bot_run_id bigint)
returns table (
    request_id bigint, epoch bigint, attempt_id bigint, bot_run_id bigint, portal text, account text, account_masked text,
    period_from date, period_to date, recipient text, check_value text, lease_until timestamptz, deadline_at timestamptz,
    look_only boolean
)
language sql stable set search_path = billcopy, pg_temp as $$
    select r.id, r.lease_epoch, a.id, r.lease_bot_run_id, r.portal, s.account, r.account_masked, r.period_from, r.period_to,
        s.recipient, s.check_value, r.lease_until, r.deadline_at, r.look_only
    from requests as r
    inner join request_subjects as s on r.id = s.request_id
    inner join attempts as a on r.id = a.request_id and r.lease_epoch = a.epoch
    where r.id = p_request_id and r.lease_bot_run_id = p_bot_run_id
$$;

create or replace function billcopy.claim_next(p_bot_run_id bigint)
returns table (
    request_id bigint, epoch bigint, attempt_id bigint, bot_run_id bigint, portal text, account text, account_masked text,
    period_from date, period_to date, recipient text, check_value text, lease_until timestamptz, deadline_at timestamptz,
    look_only boolean
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- First what this bot run holds already (its answer may have been lost), else the next queued one.
declare
    run bot_runs;
    place portals;
    v_id bigint;
    v_epoch bigint;
    v_look_only boolean;
begin
    perform act_as(format('bot run %s', p_bot_run_id));
    select b.* into run from bot_runs as b where b.id = p_bot_run_id;
    if not found or run.finished_at is not null then
        raise exception using errcode = 'BC001', message = format('bot run %s is not running', p_bot_run_id);
    end if;
    select r.id into v_id from requests as r where r.state = 'claimed' and r.lease_bot_run_id = run.id;
    if found then
        return query select c.* from claimed_request(v_id, run.id) as c;
        return;
    end if;
    if portal_refusal(run.portal) is not null then
        return;
    end if;
    select p.* into place from portals as p where p.name = run.portal;
    select q.id into v_id from requests as q
    where q.portal = run.portal and q.state = 'queued' and q.not_before <= clock_timestamp()
    and (run.request_ids is null or q.id = any(run.request_ids))
    and (run.received_from is null or q.received_at >= run.received_from)
    and (run.received_to is null or q.received_at < run.received_to)
    order by q.priority, q.not_before, q.id limit 1 for update skip locked;
    if not found then
        return;
    end if;
    select q.attempts >= place.max_attempts into v_look_only from requests as q where q.id = v_id;
    update requests as r set
        state = 'claimed', reason_code = null, lease_bot_run_id = run.id, lease_epoch = r.lease_epoch + 1,
        lease_until = clock_timestamp() + place.lease, deadline_at = clock_timestamp() + place.attempt_deadline,
        look_only = v_look_only
    where r.id = v_id returning r.lease_epoch into v_epoch;
    insert into attempts (request_id, bot_run_id, epoch, look_only) values (v_id, run.id, v_epoch, v_look_only);
    update bot_runs as b set claimed = b.claimed + 1 where b.id = run.id;
    return query select c.* from claimed_request(v_id, run.id) as c;
end
$$;

create or replace function billcopy.in_hand(p_request_id bigint, p_bot_run_id bigint, p_epoch bigint) returns billcopy.requests
language plpgsql set search_path = billcopy, pg_temp as $$
-- Locks the request in hand; raises where somebody else may hold it now.
declare
    request requests;
begin
    perform act_as(format('bot run %s', p_bot_run_id));
    select r.* into request from requests as r
    where r.id = p_request_id and r.state = 'claimed' and r.lease_bot_run_id = p_bot_run_id and r.lease_epoch = p_epoch
    for update;
    if not found then
        raise exception using errcode = 'BC001', message = format('the lease on request %s was lost', p_request_id);
    end if;
    return request;
end
$$;

create or replace function billcopy.renew_lease(p_request_id bigint, p_bot_run_id bigint, p_epoch bigint) returns timestamptz
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Extends the lease, never past the attempt's deadline.
declare
    request requests := in_hand(p_request_id, p_bot_run_id, p_epoch);
    v_until timestamptz;
begin
    if request.lease_until < clock_timestamp() then
        raise exception using errcode = 'BC001', message = format('the lease on request %s has run out', p_request_id);
    end if;
    update requests as r set lease_until = least(
        clock_timestamp() + (select p.lease from portals as p where p.name = r.portal), r.deadline_at
    ) where r.id = request.id returning r.lease_until into v_until;
    return v_until;
end
$$;

create or replace function billcopy.plan_deliveries(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_invoices jsonb, p_ignored_kinds text [],
    out verdict text, out reason_code text
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Records the invoices that the portal listed; may run at every attempt.
-- p_invoices: [{"number": text, "issued_on": date, "kind": text}]
declare
    request requests := in_hand(p_request_id, p_bot_run_id, p_epoch);
    place portals;
    v_to_send integer;
begin
    select p.* into place from portals as p where p.name = request.portal;
    if exists (
        select from jsonb_to_recordset(p_invoices) as i (number text, issued_on date, kind text)
        where i.issued_on is null or i.issued_on not between request.period_from and request.period_to
    ) then
        raise exception using errcode = 'BC010', column = 'invoices', message = 'an invoice lies outside the period';
    end if;
    select count(*) into v_to_send from jsonb_to_recordset(p_invoices) as i (number text, issued_on date, kind text)
    where i.kind <> all(p_ignored_kinds);
    if v_to_send > place.max_invoices_per_request and request.limits_waived_by is null then
        verdict := 'held'; reason_code := 'TOO_MANY_INVOICES';
        return;
    end if;
    insert into deliveries as d (request_id, portal, invoice_number, invoice_date, kind, recipient_masked)
    select request.id, request.portal, i.number, i.issued_on, i.kind, request.recipient_masked
    from jsonb_to_recordset(p_invoices) as i (number text, issued_on date, kind text)
    order by i.issued_on, i.number
    on conflict (request_id, invoice_number) do nothing;
    update deliveries as d set state = 'rejected', reason_code = 'KIND_NOT_SENT'
    where d.request_id = request.id and d.state = 'planned' and d.kind = any(p_ignored_kinds);
    -- A typed recipient is known now; an address on file is compared when the form shows it.
    if request.recipient_hmac is not null and request.resend_reason is null then
        update deliveries as d set state = 'duplicate', reason_code = 'ALREADY_SENT', recipient_hmac = request.recipient_hmac
        where d.request_id = request.id and d.state = 'planned'
        and exists (
            select from deliveries as e
            where e.portal = d.portal and e.invoice_number = d.invoice_number and e.recipient_hmac = request.recipient_hmac
            and e.state = 'confirmed' and e.id <> d.id and e.sending_at > clock_timestamp() - place.duplicate_window
        );
    end if;
    verdict := 'planned';
end
$$;

create or replace function billcopy.deliveries_in_hand(p_request_id bigint, p_bot_run_id bigint, p_epoch bigint)
returns table (
    delivery_id bigint, invoice_number text, invoice_date date, kind text, state text, reason_code text,
    recipient_masked text, recipient text, sending_at timestamptz, sending_epoch bigint, clicked_at timestamptz
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The deliveries of the request in hand, the doubtful first.
declare
    request requests := in_hand(p_request_id, p_bot_run_id, p_epoch);
begin
    return query
    select d.id, d.invoice_number, d.invoice_date, d.kind, d.state, d.reason_code, d.recipient_masked,
        case
            when d.recipient_hmac = recipient_key(s.recipient) then s.recipient
            when d.recipient_hmac = recipient_key(s.recipient_read) then s.recipient_read
        end,
        d.sending_at, d.sending_epoch, d.clicked_at
    from deliveries as d inner join request_subjects as s on d.request_id = s.request_id
    where d.request_id = request.id
    order by d.state not in ('sending', 'in_doubt'), d.invoice_date, d.id;
end
$$;

create or replace function billcopy.begin_delivery(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_recipient text,
    out verdict text, out reason_code text, out sending_at timestamptz, out deadline_at timestamptz
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The one door, holding every veto. Only the answer 'go', once committed, allows one click until deadline_at.
-- p_recipient: the address that the send form shows.
declare
    request requests := in_hand(p_request_id, p_bot_run_id, p_epoch);
    place portals;
    delivery deliveries;
    v_key bytea := recipient_key(p_recipient);
    v_today timestamptz;
    v_planned bigint;
    v_sent_today bigint;
begin
    -- Locked so that a stop switch thrown now is either seen here or thrown after the click is permitted.
    select p.* into place from portals as p where p.name = request.portal for share;
    select d.* into delivery from deliveries as d where d.id = p_delivery_id and d.request_id = request.id for update;
    if not found then
        raise exception using errcode = 'BC003', message = format('request %s has no delivery %s', request.id, p_delivery_id);
    end if;
    if delivery.state <> 'planned' then
        raise exception using errcode = 'BC002', message = format('delivery %s is %s: it may not be sent', delivery.id, delivery.state);
    end if;
    if v_key is null or (request.recipient_hmac is not null and request.recipient_hmac <> v_key) then
        raise exception using errcode = 'BC006', message = 'the form shows another recipient than the request''s';
    end if;

    verdict := 'refused';
    reason_code := case
        when not holds_portal_lock(request.portal) then 'LOCK_NOT_HELD'
        when least(request.lease_until, request.deadline_at) < clock_timestamp() + place.click_budget then 'LEASE_TOO_SHORT'
        when request.cancel_requested_at is not null then 'CANCELLED'
        when request.look_only then 'LOOK_ONLY'
        else portal_refusal(request.portal)
    end;
    if reason_code is not null then
        return;
    end if;

    if request.resend_reason is null and exists (
        select from deliveries as e
        where e.portal = delivery.portal and e.invoice_number = delivery.invoice_number and e.recipient_hmac = v_key
        and e.state = 'confirmed' and e.id <> delivery.id and e.sending_at > clock_timestamp() - place.duplicate_window
    ) then
        update deliveries as d set state = 'duplicate', reason_code = 'ALREADY_SENT', recipient_hmac = v_key,
            recipient_masked = masked_recipient(p_recipient) where d.id = delivery.id;
        verdict := 'duplicate'; reason_code := 'ALREADY_SENT';
        return;
    end if;
    if exists (
        select from deliveries as e
        where e.portal = delivery.portal and e.invoice_number = delivery.invoice_number and e.recipient_hmac = v_key
        and e.state in ('sending', 'in_doubt') and e.id <> delivery.id
    ) then
        verdict := 'deferred'; reason_code := 'SENT_ELSEWHERE';
        return;
    end if;

    v_today := date_trunc('day', now() at time zone place.time_zone) at time zone place.time_zone;
    select count(*) into v_sent_today from deliveries as e
    where e.portal = delivery.portal and e.recipient_hmac = v_key and e.sending_at >= v_today
    and e.state in ('sending', 'in_doubt', 'confirmed');
    select count(*) into v_planned from deliveries as e where e.request_id = request.id and e.state = 'planned';
    if v_sent_today + v_planned > place.max_mails_per_recipient_a_day and request.limits_waived_by is null then
        verdict := 'held'; reason_code := 'TOO_MANY_MAILS';
        return;
    end if;

    update deliveries as d set state = 'sending', reason_code = null, sending_at = clock_timestamp(), sending_epoch = p_epoch,
        tries = d.tries + 1, clicked_at = null, screen_confirmation = null, absent_at = null, recipient_hmac = v_key,
        recipient_masked = masked_recipient(p_recipient)
    where d.id = delivery.id returning d.sending_at into sending_at;
    if request.recipient_hmac is null then
        update request_subjects as s set recipient_read = btrim(p_recipient) where s.request_id = request.id;
    end if;
    verdict := 'go';
    deadline_at := begin_delivery.sending_at + place.click_budget;
end
$$;

create or replace function billcopy.delivery_in_hand(p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint)
returns billcopy.deliveries
language plpgsql set search_path = billcopy, pg_temp as $$
-- Locks one delivery of the request in hand.
declare
    request requests := in_hand(p_request_id, p_bot_run_id, p_epoch);
    delivery deliveries;
begin
    select d.* into delivery from deliveries as d where d.id = p_delivery_id and d.request_id = request.id for update;
    if not found then
        raise exception using errcode = 'BC003', message = format('request %s has no delivery %s', request.id, p_delivery_id);
    end if;
    return delivery;
end
$$;

create or replace function billcopy.record_click(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_clicked_at timestamptz, p_confirmation text
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    delivery deliveries := delivery_in_hand(p_request_id, p_bot_run_id, p_epoch, p_delivery_id);
begin
    if delivery.state <> 'sending' or delivery.sending_epoch <> p_epoch then
        raise exception using errcode = 'BC002', message = format('delivery %s is %s: no click was permitted', delivery.id, delivery.state);
    end if;
    update deliveries set clicked_at = p_clicked_at, screen_confirmation = left(p_confirmation, 300) where id = delivery.id;
end
$$;

create or replace function billcopy.confirm_delivery(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_proof_kind text, p_proof_value text
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Repeating it with the same proof succeeds.
declare
    delivery deliveries := delivery_in_hand(p_request_id, p_bot_run_id, p_epoch, p_delivery_id);
begin
    if delivery.state = 'confirmed' and delivery.proof_kind = p_proof_kind and delivery.proof_value = p_proof_value then
        return;
    end if;
    if delivery.state not in ('sending', 'in_doubt') then
        raise exception using errcode = 'BC002', message = format('delivery %s is %s: nothing to confirm', delivery.id, delivery.state);
    end if;
    perform demand(p_proof_kind in ('sent_log', 'invoice_note', 'screen'), 'proof_kind', 'must be sent_log, invoice_note or screen');
    perform demand(coalesce(p_proof_value, '') <> '', 'proof_value', 'must be given');
    update deliveries set state = 'confirmed', reason_code = null, confirmed_at = clock_timestamp(), proof_kind = p_proof_kind,
        proof_value = p_proof_value
    where id = delivery.id;
exception when unique_violation then
    raise exception using errcode = 'BC007', message = format('this proof proves another delivery than %s', p_delivery_id);
end
$$;

create or replace function billcopy.report_absent(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_looked_at timestamptz
) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- A complete look at the log, begun at p_looked_at, did not find it. Returns its state: planned again
-- where the look came after the settle window, else unchanged.
declare
    delivery deliveries := delivery_in_hand(p_request_id, p_bot_run_id, p_epoch, p_delivery_id);
    v_window interval := (select p.settle_window from portals as p where p.name = delivery.portal);
begin
    perform demand(p_looked_at <= clock_timestamp(), 'looked_at', 'must not lie in the future');
    if delivery.state <> 'in_doubt' then
        return delivery.state;
    end if;
    update deliveries set absent_at = p_looked_at,
        state = case when p_looked_at >= sending_at + v_window then 'planned' else state end,
        reason_code = case when p_looked_at >= sending_at + v_window then null else reason_code end
    where id = delivery.id returning state into delivery.state;
    return delivery.state;
end
$$;

create or replace function billcopy.reject_delivery(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_reason_code text
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    delivery deliveries := delivery_in_hand(p_request_id, p_bot_run_id, p_epoch, p_delivery_id);
begin
    if delivery.state = 'rejected' and delivery.reason_code = p_reason_code then
        return;
    end if;
    update deliveries set state = 'rejected',
        reason_code = coalesce((select x.code from reasons as x where x.code = p_reason_code and x.class = 'business'), 'BUSINESS')
    where id = delivery.id;
end
$$;

create or replace function billcopy.settle_request(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_class text, p_reason_code text, p_detail text,
    out state text, out reason_code text
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Ends the attempt; the outcome is computed here. Repeating it returns what the first call did.
-- p_class: null where the bot saw no error, else 'business', 'application' or 'refused'.
declare
    request requests;
begin
    select a.request_state, a.reason_code into state, reason_code from attempts as a
    where a.request_id = p_request_id and a.epoch = p_epoch and a.bot_run_id = p_bot_run_id
    and a.ended_at is not null and a.ended_as <> 'rescued';
    if found then
        return;
    end if;
    perform demand(p_class is null or p_class in ('business', 'application', 'refused'), 'class', 'must be business, application or refused');
    request := in_hand(p_request_id, p_bot_run_id, p_epoch);
    select e.state, e.reason_code into state, reason_code
    from end_attempt(request.id, p_class, p_reason_code, p_detail, false) as e;
end
$$;

create or replace function billcopy.used_proofs(p_portal text, p_kind text, p_values text []) returns setof text
language sql stable security definer set search_path = billcopy, pg_temp as $$
    select d.proof_value from deliveries as d
    where d.portal = p_portal and d.proof_kind = p_kind and d.proof_value = any(p_values)
$$;

create or replace function billcopy.record_step(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_step text, p_delivery_id bigint, p_detail jsonb
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
begin
    insert into steps (request_id, attempt_id, delivery_id, step, detail)
    select a.request_id, a.id, p_delivery_id, p_step, coalesce(p_detail, '{}') from attempts as a
    where a.request_id = p_request_id and a.epoch = p_epoch and a.bot_run_id = p_bot_run_id;
    if not found then
        raise exception using errcode = 'BC001', message = format('request %s has no such attempt', p_request_id);
    end if;
end
$$;

create or replace function billcopy.record_evidence(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_kind text, p_url text, p_digest text
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
begin
    insert into evidence (request_id, delivery_id, kind, url, digest)
    select a.request_id, p_delivery_id, p_kind, p_url, p_digest from attempts as a
    where a.request_id = p_request_id and a.epoch = p_epoch and a.bot_run_id = p_bot_run_id;
    if not found then
        raise exception using errcode = 'BC001', message = format('request %s has no such attempt', p_request_id);
    end if;
end
$$;

create or replace function billcopy.record_credential_read(p_bot_run_id bigint, p_path text, p_version integer, p_outcome text) returns void
language sql security definer set search_path = billcopy, pg_temp as $$
    insert into credential_reads (bot_run_id, portal, path, version, outcome)
    select b.id, b.portal, p_path, p_version, p_outcome from bot_runs as b where b.id = p_bot_run_id
$$;

create or replace function billcopy.refused_secret_version(p_portal text) returns integer
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- The version of the password that nobody may try again; null: none.
    select p.breaker_secret_version from portals as p where p.name = p_portal
$$;

create or replace function billcopy.open_breaker(
    p_bot_run_id bigint, p_reason_code text, p_detail text, p_until timestamptz, p_secret_version integer
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    v_portal text := (select b.portal from bot_runs as b where b.id = p_bot_run_id);
begin
    perform act_as(format('bot run %s', p_bot_run_id), p_detail);
    update portals set breaker_opened_at = clock_timestamp(), breaker_until = p_until, breaker_detail = left(p_detail, 500),
        breaker_reason = coalesce((select x.code from reasons as x where x.code = p_reason_code), 'UNEXPECTED'),
        breaker_secret_version = coalesce(p_secret_version, breaker_secret_version)
    where name = v_portal;
    perform record_event('portal', v_portal, 'breaker opened', p_reason_code => p_reason_code,
        p_detail => jsonb_build_object('until', p_until, 'secret_version', p_secret_version));
end
$$;

create or replace function billcopy.peek_requests(p_portal text, p_request_ids bigint [], p_received_from timestamptz, p_received_to timestamptz, p_limit integer)
returns table (
    request_id bigint, portal text, account text, account_masked text, period_from date, period_to date, recipient text,
    check_value text
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What a dry run walks through: the same choice and order as claim_next, without a claim.
    select r.id, r.portal, s.account, r.account_masked, r.period_from, r.period_to, s.recipient, s.check_value
    from requests as r inner join request_subjects as s on r.id = s.request_id
    where r.portal = p_portal and r.state = 'queued' and r.not_before <= clock_timestamp() and s.erased_at is null
    and (p_request_ids is null or r.id = any(p_request_ids))
    and (p_received_from is null or r.received_at >= p_received_from)
    and (p_received_to is null or r.received_at < p_received_to)
    order by r.priority, r.not_before, r.id limit p_limit
$$;

create or replace function billcopy.portal_timings(
    p_portal text, out lease interval, out renew_every interval, out attempt_deadline interval, out click_budget interval,
    out settle_window interval
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    select p.lease, p.renew_every, p.attempt_deadline, p.click_budget, p.settle_window from portals as p where p.name = p_portal
$$;
