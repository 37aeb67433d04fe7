-- Conditions: what holds right now, each with the facts its text is made of. Limits come from the
-- settings, in seconds, days or a count. No personal data.

create or replace function billcopy.seconds_of(p_limits jsonb, p_name text) returns interval
language sql immutable set search_path = billcopy, pg_temp as $$
    select make_interval(secs => (p_limits ->> p_name)::double precision)
$$;

create or replace function billcopy.minutes_since(p_at timestamptz) returns integer
language sql stable set search_path = billcopy, pg_temp as $$
    select floor(extract(epoch from clock_timestamp() - p_at) / 60)::integer
$$;

create or replace function billcopy.due_since(p_request billcopy.requests) returns timestamptz
language sql immutable set search_path = billcopy, pg_temp as $$
    -- Since when it could have been worked on.
    select greatest(p_request.received_at, p_request.not_before)
$$;

create or replace function billcopy.oldest_queued_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    -- A request could be worked on for longer than the limit; within maintenance nobody expects that.
    select p.name, jsonb_build_object('waiting', q.n, 'minutes', minutes_since(q.since))
    from portals as p
    cross join lateral (
        select count(*) as n, min(due_since(r)) as since from requests as r
        where r.portal = p.name and r.state = 'queued' and due_since(r) < clock_timestamp() - seconds_of(p_limits, 'oldest_queued')
    ) as q
    where q.n > 0 and portal_refusal(p.name) is distinct from 'MAINTENANCE'
$$;

create or replace function billcopy.last_confirmed_at(p_portal text) returns timestamptz
language sql stable set search_path = billcopy, pg_temp as $$
    select max(d.confirmed_at) from deliveries as d where d.portal = p_portal and d.state = 'confirmed'
$$;

create or replace function billcopy.nothing_confirmed_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    -- The portal is open, something has been due for as long as the limit, and not one bill was confirmed.
    select p.name, jsonb_build_object('due', q.n + h.n, 'minutes', minutes_since(coalesce(c.at, least(q.since, h.since))))
    from portals as p
    cross join lateral (select last_confirmed_at(p.name) as at, clock_timestamp() - seconds_of(p_limits, 'nothing_confirmed') as since) as c
    cross join lateral (
        select count(*) as n, min(due_since(r)) as since from requests as r
        where r.portal = p.name and r.state = 'queued' and due_since(r) < c.since
    ) as q
    cross join lateral (
        select count(*) as n, min(due_since(r)) as since from requests as r
        where r.portal = p.name and r.state = 'claimed' and due_since(r) < c.since
    ) as h
    where q.n + h.n > 0 and (c.at is null or c.at < c.since) and portal_refusal(p.name) is null
$$;

create or replace function billcopy.breaker_open_now() returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    select p.name, jsonb_build_object('why', x.plain_words, 'until', coalesce(
        to_char(p.breaker_until at time zone 'UTC', 'until YYYY-MM-DD HH24:MI "UTC, then one request is tried"'), 'until a person closes it'
    ))
    from portals as p inner join reasons as x on p.breaker_reason = x.code where p.breaker_opened_at is not null
$$;

create or replace function billcopy.orphan_now() returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    select f.portal, jsonb_build_object(
        'rows', count(*) filter (where f.kind = 'row_without_delivery'),
        'deliveries', count(*) filter (where f.kind = 'delivery_without_row')
    )
    from reconciliation_findings as f
    where f.kind <> 'row_twice' and f.gone_at is null and f.looked_after_at is null group by f.portal
$$;

create or replace function billcopy.duplicate_seen_now() returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    -- The log shows a bill twice, or two deliveries to one recipient are confirmed though nobody asked for
    -- it again. The latter is known by its delivery, and over once a person has acknowledged it.
    select f.portal, jsonb_build_object('what', format('%s row(s) of the bank''s log', count(*)))
    from reconciliation_findings as f
    where f.kind = 'row_twice' and f.gone_at is null and f.looked_after_at is null group by f.portal
    union all
    select format('delivery %s', d.id), jsonb_build_object('what', format('request %s repeats a bill of request %s', d.request_id, min(e.request_id)))
    from deliveries as d inner join deliveries as e
        on d.portal = e.portal and d.invoice_number = e.invoice_number and d.recipient_hmac = e.recipient_hmac and d.id <> e.id
        and (e.sending_at, e.id) < (d.sending_at, d.id)
    inner join portals as p on d.portal = p.name inner join requests as r on d.request_id = r.id
    where d.state = 'confirmed' and e.state = 'confirmed' and e.sending_at > d.sending_at - p.duplicate_window
    and d.confirmed_at > clock_timestamp() - p.duplicate_window and r.resend_reason is null
    and not exists (
        select from alarms as a
        where a.condition = 'duplicate_seen' and a.key = format('delivery %s', d.id) and a.acknowledged_at is not null
    )
    group by d.id, d.request_id
$$;

create or replace function billcopy.in_doubt_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    select d.portal, jsonb_build_object('deliveries', count(*), 'minutes', minutes_since(min(d.sending_at)))
    from deliveries as d
    where d.state = 'in_doubt' and d.sending_at < clock_timestamp() - seconds_of(p_limits, 'in_doubt') group by d.portal
$$;

create or replace function billcopy.rescue_loop_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    select format('request %s', a.request_id), jsonb_build_object('rescues', count(*), 'request', a.request_id)
    from attempts as a where a.ended_as = 'rescued' and a.ended_at > clock_timestamp() - interval '1 hour'
    group by a.request_id having count(*) >= (p_limits ->> 'rescue_loop')::integer
$$;

create or replace function billcopy.password_expiring_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    select c.portal, jsonb_build_object('version', c.version, 'when', to_char(c.expires_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
    from (select distinct on (r.portal) r.* from credential_reads as r order by r.portal, r.id desc) as c
    where c.expires_at < clock_timestamp() + make_interval(days => (p_limits ->> 'password_expiring')::integer)
$$;

create or replace function billcopy.scheduler_silent_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    select ''::text, jsonb_build_object('minutes', minutes_since(s.seen_at)) from signs_of_life as s
    where s.program = 'scheduler' and s.seen_at < clock_timestamp() - seconds_of(p_limits, 'scheduler_silent')
$$;

create or replace function billcopy.reconciliation_overdue_now(p_limits jsonb) returns table (key text, facts jsonb)
language sql stable set search_path = billcopy, pg_temp as $$
    -- Something was confirmed longer ago than the limit, and no complete comparison has ended since.
    select p.name, jsonb_build_object('last', coalesce(to_char(c.at at time zone 'UTC', '"the last one ended "YYYY-MM-DD HH24:MI "UTC"'), 'there was none'))
    from portals as p
    cross join lateral (select max(r.finished_at) as at from reconciliations as r where r.portal = p.name and r.complete) as c
    where (c.at is null or c.at < clock_timestamp() - seconds_of(p_limits, 'reconciliation_overdue')) and exists (
        select from deliveries as d
        where d.portal = p.name and d.state = 'confirmed' and d.confirmed_at < clock_timestamp() - seconds_of(p_limits, 'reconciliation_overdue')
    )
$$;

create or replace function billcopy.conditions_now(p_limits jsonb) returns table (condition text, key text, facts jsonb)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    select 'oldest_queued', c.* from oldest_queued_now(p_limits) as c
    union all select 'nothing_confirmed', c.* from nothing_confirmed_now(p_limits) as c
    union all select 'breaker_open', c.* from breaker_open_now() as c
    union all select 'orphan', c.* from orphan_now() as c
    union all select 'duplicate_seen', c.* from duplicate_seen_now() as c
    union all select 'in_doubt', c.* from in_doubt_now(p_limits) as c
    union all select 'rescue_loop', c.* from rescue_loop_now(p_limits) as c
    union all select 'password_expiring', c.* from password_expiring_now(p_limits) as c
    union all select 'scheduler_silent', c.* from scheduler_silent_now(p_limits) as c
    union all select 'reconciliation_overdue', c.* from reconciliation_overdue_now(p_limits) as c
$$;

create or replace function billcopy.watch_figures() returns table (figure text, portal text, state text, value double precision)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What /metrics shows: one row per figure, portal and state; 0 where there is none.
    select 'requests', p.name, s.state, coalesce(c.n, 0)
    from portals as p cross join request_states as s
    left join (select r.portal, r.state, count(*) as n from requests as r group by r.portal, r.state) as c on p.name = c.portal and s.state = c.state
    union all
    select 'deliveries', p.name, s.state, coalesce(c.n, 0)
    from portals as p cross join delivery_states as s
    left join (select d.portal, d.state, count(*) as n from deliveries as d group by d.portal, d.state) as c on p.name = c.portal and s.state = c.state
    union all
    select 'oldest_queued_seconds', p.name, null, coalesce((
        select extract(epoch from clock_timestamp() - min(due_since(r)))
        from requests as r where r.portal = p.name and r.state = 'queued' and r.not_before <= clock_timestamp()
    ), 0) from portals as p
    union all
    select 'oldest_in_doubt_seconds', p.name, null, coalesce((
        select extract(epoch from clock_timestamp() - min(d.sending_at)) from deliveries as d where d.portal = p.name and d.state = 'in_doubt'
    ), 0) from portals as p
    union all
    select 'last_confirmed_timestamp_seconds', p.name, null, extract(epoch from last_confirmed_at(p.name))
    from portals as p where last_confirmed_at(p.name) is not null
    union all
    select 'breaker_open', p.name, null, (p.breaker_opened_at is not null)::integer from portals as p
    union all
    select 'portal_stopped', p.name, null, (p.stopped_at is not null)::integer from portals as p
    union all
    select 'bot_runs_at_work', p.name, null, (select count(*) from bot_runs as b where b.portal = p.name and b.finished_at is null)
    from portals as p
    union all
    select 'bot_runs_total', b.portal, lower(b.stop_reason), count(*) from bot_runs as b where b.finished_at is not null
    group by b.portal, lower(b.stop_reason)
    union all
    select 'rescues_total', p.name, null, (
        select count(*) from attempts as a inner join requests as r on a.request_id = r.id where r.portal = p.name and a.ended_as = 'rescued'
    ) from portals as p
    union all
    select 'sign_of_life_timestamp_seconds', null, s.program, extract(epoch from s.seen_at) from signs_of_life as s
    union all
    select 'alarms_open', null, v.severity, (select count(*) from alarms as a where a.closed_at is null and a.severity = v.severity)
    from (values ('critical'), ('warning')) as v (severity)
    union all
    select 'alarm_notices_untold', null, null, (select count(*) from alarm_notices as n where n.sent_at is null)
$$;
