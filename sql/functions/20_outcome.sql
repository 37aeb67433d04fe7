-- Outcome: the one rule by which an attempt ends, used by settle, rescue and cancel.

create or replace function billcopy.restore_counts(p_place billcopy.portals) returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    -- Whether deliveries unknown to a restored queue still stand against sending. As long as a known
    -- one would: what was sent longer ago may be sent again anyway.
    select coalesce(p_place.restored_at > clock_timestamp() - p_place.duplicate_window, false)
$$;

create or replace function billcopy.portal_refusal(p_portal text, p_claimed_at timestamptz default null) returns text
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Why nothing may be claimed, or be sent for what was claimed at p_claimed_at; null: nothing stands
    -- against it. A breaker whose time is over lets one request through: claim_next sees to that.
    select case
        when p.stopped_at is not null then 'STOP_SWITCH'
        when p.restored_at > clock_timestamp() - p.settle_window then 'RESTORED'
        when p.breaker_opened_at is not null and (p.breaker_until is null or p.breaker_until > clock_timestamp()) then 'BREAKER_OPEN'
        when in_maintenance(p.name, clock_timestamp(), p_claimed_at) then 'MAINTENANCE'
        when p.max_mails_a_day is not null and p.max_mails_a_day <= (
            select sum(d.tries) from deliveries as d
            where d.portal = p.name and d.sending_at >= date_trunc('day', now() at time zone p.time_zone) at time zone p.time_zone
        ) then 'DAILY_CAP'
    end
    from portals as p where p.name = p_portal
$$;

create or replace function billcopy.final_state(p_request_id bigint, out state text, out reason_code text)
language plpgsql stable set search_path = billcopy, pg_temp as $$
-- The state of a request none of whose deliveries is open, by what became of them. Kinds that are
-- never sent do not count. The reason is that of the first delivery that was not sent.
declare
    n record;
begin
    select
        count(*) as everything,
        count(*) filter (where d.state in ('confirmed', 'duplicate')) as good,
        count(*) filter (where d.state = 'confirmed') as sent,
        count(*) filter (where d.state = 'rejected') as rejected,
        count(*) filter (where d.reason_code = 'GIVEN_UP') as given_up,
        (array_agg(d.reason_code order by d.id) filter (where d.state in ('rejected', 'failed', 'cancelled')))[1] as why,
        (select r.cancel_requested_at is not null from requests as r where r.id = p_request_id) as cancel_asked
    into n
    from deliveries as d where d.request_id = p_request_id and d.reason_code is distinct from 'KIND_NOT_SENT';
    reason_code := n.why;
    state := case
        when n.everything > 0 and n.good = n.everything then 'delivered'
        when n.good > 0 then 'partial'
        when n.cancel_asked and n.given_up = 0 then 'cancelled'
        when n.everything > 0 and n.rejected = n.everything then 'rejected'
        else 'failed'
    end;
    if state = 'cancelled' then
        reason_code := 'CANCELLED';
    end if;
end
$$;

create or replace function billcopy.close_request(p_request_id bigint, p_state text, p_reason_code text) returns text
language plpgsql set search_path = billcopy, pg_temp as $$
-- Closes a request: what is still planned becomes cancelled, rejected or failed first.
-- p_state: 'rejected', 'failed', or null for a cancel. Something in doubt makes the guard raise.
declare
    ended record;
begin
    update deliveries set
        state = coalesce(p_state, 'cancelled'),
        reason_code = coalesce(p_reason_code, 'CANCELLED')
    where request_id = p_request_id and state = 'planned';
    select f.state, f.reason_code into ended from final_state(p_request_id) as f;
    -- No delivery at all: the reason of the request itself decides.
    if ended.state = 'failed' and p_state = 'rejected' then
        ended.state := 'rejected';
    end if;
    update requests set state = ended.state,
        reason_code = case when ended.state = 'delivered' then null else coalesce(ended.reason_code, p_reason_code) end
    where id = p_request_id;
    return ended.state;
end
$$;

create or replace function billcopy.backoff_after(p_portal text, p_attempts integer) returns interval
language sql volatile set search_path = billcopy, pg_temp as $$
    -- The portal's wait after this many application errors, spread by its jitter.
    select p.backoff[least(greatest(p_attempts, 1), cardinality(p.backoff))]
        * (1 + (random() * 2 - 1) * p.backoff_jitter::double precision)
    from portals as p where p.name = p_portal
$$;

create or replace function billcopy.attempts_used_up(p_request_id bigint, p_reason_code text, out state text, out ended_as text)
language plpgsql set search_path = billcopy, pg_temp as $$
-- One more try when the bank is quiet, once in a request's life in the queue; then it is a person's.
begin
    update requests as r set state = 'queued', reason_code = 'SECOND_CHANCE', looks = 0,
        attempts = (select p.max_attempts - 1 from portals as p where p.name = r.portal),
        not_before = next_quiet_time(r.portal, clock_timestamp()), second_chance_at = next_quiet_time(r.portal, clock_timestamp())
    where r.id = p_request_id and r.second_chance_at is null;
    if found then
        state := 'queued'; ended_as := 'retried';
    else
        state := close_request(p_request_id, 'failed', p_reason_code); ended_as := 'settled';
    end if;
end
$$;

create or replace function billcopy.end_attempt(
    p_request_id bigint, p_class text, p_reason_code text, p_detail text, p_rescue boolean, p_charged boolean default true,
    out state text, out reason_code text
)
language plpgsql set search_path = billcopy, pg_temp as $$
-- The outcome rule. The request is claimed and locked by the caller.
-- p_charged: false where an error costs the request no attempt, as it was the portal's own.
--   work that may be retried, and attempts left: queued
--   all confirmed or duplicate: delivered; some: partial; only business errors: rejected
--   nothing sent and cancel asked: cancelled; else: failed
declare
    request requests;
    portal portals;
    reason reasons;
    open record;
    v_attempts integer;
    v_rescues integer;
    v_looks integer;
    v_ended_as text;
    v_wait_until timestamptz;
    v_code text := p_reason_code;
    v_detail text := p_detail;
begin
    select r.* into request from requests as r where r.id = p_request_id;
    select p.* into portal from portals as p where p.name = request.portal;
    select x.* into reason from reasons as x where x.code = p_reason_code;
    if p_reason_code is not null and reason.code is null then
        v_detail := concat_ws(': ', p_reason_code, p_detail);
        v_code := 'UNEXPECTED';
    end if;

    if reason.class = 'application' then
        p_class := 'application';  -- such as a click refused because the attempt's own time was over
    end if;
    update deliveries as d set state = 'in_doubt', reason_code = case when p_rescue then 'LEASE_EXPIRED' else 'WAITING_FOR_LOG' end
    where d.request_id = request.id and d.state = 'sending';
    select
        count(*) as everything,
        count(*) filter (where d.state = 'planned') as planned,
        count(*) filter (where d.state = 'in_doubt') as doubtful,
        max(d.sending_at) filter (where d.state = 'in_doubt') as last_sending_at,
        bool_or(d.state = 'in_doubt' and d.reason_code = 'IN_DOUBT') as for_people,
        (select a.started_at from attempts as a where a.request_id = request.id and a.epoch = request.lease_epoch) as began_at
    into open from deliveries as d where d.request_id = request.id;

    v_rescues := request.rescues + case when p_rescue then 1 else 0 end;
    v_wait_until := open.last_sending_at + portal.settle_window;
    -- A claim that could have seen the row, and did not: two of them, and people decide.
    v_looks := request.looks + case
        when request.look_only then 1
        when open.doubtful > 0 and not p_rescue and p_class is distinct from 'application' and open.began_at >= v_wait_until then 1
        else 0
    end;
    v_attempts := request.attempts + case
        when p_class = 'application' and p_charged and not p_rescue and not request.look_only then 1 else 0
    end;
    update requests as r set attempts = v_attempts, rescues = v_rescues, looks = v_looks where r.id = request.id;

    if open.for_people then
        v_ended_as := 'held'; state := 'held'; reason_code := 'IN_DOUBT';
    elsif reason.class = 'held' and open.doubtful = 0 or reason.code = 'IN_DOUBT' then
        v_ended_as := 'held'; state := 'held'; reason_code := v_code;
    elsif p_rescue and v_rescues > portal.max_rescues then
        v_ended_as := 'held'; state := 'held'; reason_code := 'TOO_MANY_RESCUES';
    elsif open.doubtful > 0 and v_looks >= portal.max_looks and not p_rescue then
        v_ended_as := 'held'; state := 'held'; reason_code := 'IN_DOUBT';
    elsif open.doubtful > 0 then
        -- Nobody may close it: look again once the log must show it.
        state := 'queued';
        if p_rescue then
            v_ended_as := 'rescued'; reason_code := 'LEASE_EXPIRED';
        elsif p_class = 'application' then
            v_ended_as := 'retried'; reason_code := v_code;
            v_wait_until := greatest(v_wait_until, clock_timestamp() + backoff_after(request.portal, v_attempts));
        else
            v_ended_as := 'deferred'; reason_code := coalesce(v_code, 'WAITING_FOR_LOG');
        end if;
        update requests as r set state = 'queued', not_before = greatest(v_wait_until, clock_timestamp()),
            reason_code = end_attempt.reason_code where r.id = request.id;
    elsif request.cancel_requested_at is not null then
        v_ended_as := 'settled';
        state := close_request(request.id, null, null);
    elsif p_class = 'business' then
        v_ended_as := 'settled';
        state := close_request(request.id, 'rejected', v_code);
    elsif open.everything > 0 and open.planned = 0 then
        v_ended_as := case when p_rescue then 'rescued' else 'settled' end;
        state := close_request(request.id, 'failed', v_code);
    elsif p_rescue then
        v_ended_as := 'rescued'; state := 'queued'; reason_code := 'LEASE_EXPIRED';
        update requests as r set state = 'queued', not_before = clock_timestamp(),
            reason_code = end_attempt.reason_code where r.id = request.id;
    elsif p_class = 'refused' or reason.class in ('refused', 'waiting') then
        v_ended_as := case when reason.class = 'waiting' then 'deferred' else 'released' end;
        state := 'queued'; reason_code := v_code;
        update requests as r set state = 'queued', reason_code = end_attempt.reason_code,
            not_before = clock_timestamp() + case when reason.class = 'waiting' then portal.settle_window else interval '0' end
        where r.id = request.id;
    elsif p_class = 'application' and not p_charged then
        v_ended_as := 'released'; state := 'queued'; reason_code := v_code;
        update requests as r set state = 'queued', reason_code = end_attempt.reason_code, not_before = clock_timestamp()
        where r.id = request.id;
    elsif v_attempts < portal.max_attempts and not request.look_only then
        -- An application error, or work left undone without an error, which is one nobody has named.
        if p_class is distinct from 'application' then
            v_attempts := v_attempts + 1;
            v_code := coalesce(v_code, 'UNEXPECTED');
            update requests as r set attempts = v_attempts where r.id = request.id;
        end if;
        if v_attempts < portal.max_attempts then
            v_ended_as := 'retried'; state := 'queued'; reason_code := v_code;
            update requests as r set state = 'queued', reason_code = end_attempt.reason_code,
                not_before = clock_timestamp() + backoff_after(request.portal, v_attempts)
            where r.id = request.id;
        else
            select u.state, u.ended_as into state, v_ended_as from attempts_used_up(request.id, v_code) as u;
        end if;
    else
        select u.state, u.ended_as into state, v_ended_as from attempts_used_up(request.id, coalesce(v_code, 'UNEXPECTED')) as u;
    end if;

    if v_ended_as = 'held' then
        update requests as r set state = 'held', reason_code = end_attempt.reason_code where r.id = request.id;
    end if;
    select r.reason_code into reason_code from requests as r where r.id = request.id;
    update attempts as a set ended_at = clock_timestamp(), ended_as = v_ended_as, request_state = end_attempt.state,
        reason_code = coalesce(end_attempt.reason_code, v_code), detail = left(v_detail, 1000)
    where a.request_id = request.id and a.epoch = request.lease_epoch;
end
$$;
