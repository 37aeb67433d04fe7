-- Claim: which request is in hand. Every write carries the claim's epoch.

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

create or replace function billcopy.next_queued(p_run billcopy.bot_runs, p_but bigint) returns bigint
language plpgsql set search_path = billcopy, pg_temp as $$
-- Locks what is to be claimed next; p_but: not this one.
declare
    v_id bigint;
begin
    select q.id into v_id from requests as q
    where q.portal = p_run.portal and q.state = 'queued' and q.not_before <= clock_timestamp()
    and (p_run.request_ids is null or q.id = any(p_run.request_ids))
    and (p_run.received_from is null or q.received_at >= p_run.received_from)
    and (p_run.received_to is null or q.received_at < p_run.received_to)
    and (p_but is null or q.id <> p_but)
    order by q.priority, q.not_before, q.id limit 1 for update skip locked;
    return v_id;
end
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
    if place.breaker_opened_at is null then
        v_id := next_queued(run, null);
    elsif may_try_one(run.portal) then
        v_id := coalesce(next_queued(run, place.breaker_request_id), next_queued(run, null));
    end if;
    if v_id is null then
        return;
    end if;
    if place.breaker_opened_at is not null then
        perform record_event('portal', run.portal, 'breaker tries one request', v_id);
    end if;
    select q.attempts >= place.max_attempts into v_look_only from requests as q where q.id = v_id;
    update requests as r set
        state = 'claimed', reason_code = null, lease_bot_run_id = run.id, lease_epoch = r.lease_epoch + 1,
        lease_renewed_at = clock_timestamp(), lease_until = clock_timestamp() + place.lease, deadline_at = clock_timestamp() + place.attempt_deadline,
        look_only = v_look_only
    where r.id = v_id returning r.lease_epoch into v_epoch;
    insert into attempts (request_id, bot_run_id, epoch, look_only) values (v_id, run.id, v_epoch, v_look_only);
    update bot_runs as b set claimed = b.claimed + 1 where b.id = run.id;
    return query select c.* from claimed_request(v_id, run.id) as c;
end
$$;

create or replace function billcopy.peek_requests(p_portal text, p_request_ids bigint [], p_received_from timestamptz, p_received_to timestamptz, p_limit integer)
returns table (
    request_id bigint, portal text, account text, account_masked text, period_from date, period_to date, recipient text,
    check_value text
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What a dry run walks through: the same choice and order as claim_next, without a claim. What is
    -- asked for by its number may also wait or be over: that is how a failure is looked at again.
    select r.id, r.portal, s.account, r.account_masked, r.period_from, r.period_to, s.recipient, s.check_value
    from requests as r inner join request_subjects as s on r.id = s.request_id
    where r.portal = p_portal and s.erased_at is null
    and case
        when p_request_ids is null then r.state = 'queued' and r.not_before <= clock_timestamp()
        else r.id = any(p_request_ids) and r.state <> 'claimed'
    end
    and (p_received_from is null or r.received_at >= p_received_from)
    and (p_received_to is null or r.received_at < p_received_to)
    order by r.priority, r.not_before, r.id limit p_limit
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
    update requests as r set lease_renewed_at = clock_timestamp(), lease_until = least(
        clock_timestamp() + (select p.lease from portals as p where p.name = r.portal), r.deadline_at
    ) where r.id = request.id returning r.lease_until into v_until;
    return v_until;
end
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

create or replace function billcopy.record_steps(p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_steps jsonb) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- What an attempt did, all at once. p_steps: [{"ago": seconds, "kind", "step", "detail"}]
declare
    v_attempt bigint := (
        select a.id from attempts as a where a.request_id = p_request_id and a.epoch = p_epoch and a.bot_run_id = p_bot_run_id
    );
begin
    if v_attempt is null then
        raise exception using errcode = 'BC001', message = format('request %s has no such attempt', p_request_id);
    end if;
    insert into steps (at, request_id, attempt_id, kind, step, detail)
    select clock_timestamp() - make_interval(secs => s.ago), p_request_id, v_attempt, s.kind, s.step, coalesce(s.detail, '{}')
    from jsonb_to_recordset(p_steps) as s (ago double precision, kind text, step text, detail jsonb);
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

create or replace function billcopy.settle_request(
    p_request_id bigint, p_bot_run_id bigint, p_epoch bigint, p_class text, p_reason_code text, p_detail text,
    out state text, out reason_code text
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Ends the attempt; the outcome is computed here. Repeating it returns what the first call did.
-- p_class: null where the bot saw no error, else 'business', 'application' or 'refused'.
declare
    request requests;
    v_opened text;
begin
    select a.request_state, a.reason_code into state, reason_code from attempts as a
    where a.request_id = p_request_id and a.epoch = p_epoch and a.bot_run_id = p_bot_run_id
    and a.ended_at is not null and a.ended_as <> 'rescued';
    if found then
        return;
    end if;
    perform demand(p_class is null or p_class in ('business', 'application', 'refused'), 'class', 'must be business, application or refused');
    request := in_hand(p_request_id, p_bot_run_id, p_epoch);
    v_opened := note_health(request.portal, request.id, p_class, p_reason_code);
    select e.state, e.reason_code into state, reason_code
    from end_attempt(request.id, p_class, p_reason_code, p_detail, false, v_opened is distinct from 'PORTAL_DOWN') as e;
end
$$;
