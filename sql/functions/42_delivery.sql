-- Delivery: plan, the one door to a click, proof or absence.

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
    if v_to_send > place.max_invoices_per_request and request.limit_waived is distinct from 'TOO_MANY_INVOICES' then
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
            and (e.state = 'confirmed' or e.state = 'failed' and e.reason_code = 'GIVEN_UP')
            and e.id <> d.id and e.sending_at > clock_timestamp() - place.duplicate_window
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
            when d.recipient_hmac is null then null
            else coalesce(s.recipient, s.recipients_read ->> d.id::text)
        end,
        d.sending_at, d.sending_epoch, d.clicked_at
    from deliveries as d inner join request_subjects as s on d.request_id = s.request_id
    where d.request_id = request.id
    order by d.state not in ('sending', 'in_doubt'), d.invoice_date, d.id;
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

create or replace function billcopy.remember_recipient(p_request billcopy.requests, p_delivery_id bigint, p_recipient text) returns void
language sql set search_path = billcopy, pg_temp as $$
    -- Keeps the address that the form showed, where the request itself names none.
    update request_subjects as s set recipients_read = s.recipients_read || jsonb_build_object(p_delivery_id::text, btrim(p_recipient))
    where s.request_id = p_request.id and p_request.recipient_hmac is null
$$;

create or replace function billcopy.begin_delivery(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_delivery_id bigint, p_recipient text,
    out verdict text, out reason_code text, out sending_at timestamptz, out deadline_at timestamptz
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The one door, holding every veto. Only the answer 'go', once committed, allows one click until deadline_at.
-- 'look': not before the bank's log has been looked at once more; it is in doubt until then.
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
        when request.deadline_at < clock_timestamp() + place.click_budget then 'ATTEMPT_TIMED_OUT'
        when request.lease_until < clock_timestamp() + place.click_budget then 'LEASE_TOO_SHORT'
        when request.cancel_requested_at is not null then 'CANCELLED'
        when request.look_only then 'LOOK_ONLY'
        else portal_refusal(request.portal, (
            select a.started_at from attempts as a where a.request_id = request.id and a.epoch = p_epoch
        ))
    end;
    if reason_code is not null then
        return;
    end if;

    if request.resend_reason is null and exists (
        select from deliveries as e
        where e.portal = delivery.portal and e.invoice_number = delivery.invoice_number and e.recipient_hmac = v_key
        and (e.state = 'confirmed' or e.state = 'failed' and e.reason_code = 'GIVEN_UP')
        and e.id <> delivery.id and e.sending_at > clock_timestamp() - place.duplicate_window
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

    -- A restored queue does not know what was sent since its backup: the log must have been looked at.
    if restore_counts(place) and (
        delivery.absent_at is null or delivery.absent_at < place.restored_at or delivery.recipient_hmac is distinct from v_key
    ) then
        update deliveries as d set state = 'in_doubt', reason_code = 'RESTORED', sending_at = place.restored_since,
            sending_epoch = p_epoch, clicked_at = null, screen_confirmation = null, absent_at = null, recipient_hmac = v_key,
            recipient_masked = masked_recipient(p_recipient)
        where d.id = delivery.id;
        perform remember_recipient(request, delivery.id, p_recipient);
        verdict := 'look'; reason_code := 'RESTORED';
        return;
    end if;

    v_today := date_trunc('day', now() at time zone place.time_zone) at time zone place.time_zone;
    select coalesce(sum(e.tries), 0) into v_sent_today from deliveries as e
    where e.portal = delivery.portal and e.recipient_hmac = v_key and e.sending_at >= v_today;
    select count(*) into v_planned from deliveries as e where e.request_id = request.id and e.state = 'planned';
    if v_sent_today + v_planned > place.max_mails_per_recipient_a_day and request.limit_waived is distinct from 'TOO_MANY_MAILS' then
        verdict := 'held'; reason_code := 'TOO_MANY_MAILS';
        return;
    end if;

    update deliveries as d set state = 'sending', reason_code = null, sending_at = clock_timestamp(), sending_epoch = p_epoch,
        tries = d.tries + 1, clicked_at = null, screen_confirmation = null, absent_at = null, recipient_hmac = v_key,
        recipient_masked = masked_recipient(p_recipient)
    where d.id = delivery.id returning d.sending_at into sending_at;
    perform remember_recipient(request, delivery.id, p_recipient);
    verdict := 'go';
    deadline_at := begin_delivery.sending_at + place.click_budget;
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
-- where the look came after the settle window, else unchanged. What was clicked as often as it may be
-- is left to people: either the portal does not send, or its log does not show it.
declare
    delivery deliveries := delivery_in_hand(p_request_id, p_bot_run_id, p_epoch, p_delivery_id);
    place portals;
begin
    select p.* into place from portals as p where p.name = delivery.portal;
    perform demand(p_looked_at <= clock_timestamp(), 'looked_at', 'must not lie in the future');
    if delivery.state <> 'in_doubt' then
        return delivery.state;
    end if;
    if p_looked_at < delivery.sending_at + place.settle_window then
        update deliveries set absent_at = p_looked_at where id = delivery.id;
    elsif delivery.tries >= place.max_tries then
        update deliveries set absent_at = p_looked_at, reason_code = 'IN_DOUBT' where id = delivery.id;
    else
        update deliveries set absent_at = p_looked_at, state = 'planned', reason_code = null where id = delivery.id;
    end if;
    return (select d.state from deliveries as d where d.id = delivery.id);
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

create or replace function billcopy.used_proofs(p_portal text, p_kind text, p_values text []) returns setof text
language sql stable security definer set search_path = billcopy, pg_temp as $$
    select d.proof_value from deliveries as d
    where d.portal = p_portal and d.proof_kind = p_kind and d.proof_value = any(p_values)
$$;
