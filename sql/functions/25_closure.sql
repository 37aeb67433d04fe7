-- Closure: why a portal is closed, until when, who opens it, and what waits for that.

create or replace function billcopy.portal_closure(
    p_portal text, p_at timestamptz,
    out refusal text, out why text, out since timestamptz, out until timestamptz, out opened_by text, out backlog jsonb
)
language plpgsql stable security definer set search_path = billcopy, pg_temp as $$
-- All null: the portal is open. until null: a person opens it; opened_by says how, in plain words.
declare
    place portals;
begin
    refusal := portal_refusal(p_portal);
    if refusal is null then
        return;
    end if;
    select p.* into place from portals as p where p.name = p_portal;
    select x.plain_words into why from reasons as x where x.code = refusal;
    opened_by := 'it opens by itself';
    if refusal = 'STOP_SWITCH' then
        why := why || ' By ' || place.stopped_by || ': ' || place.stop_reason;
        since := place.stopped_at; opened_by := 'a person resumes it';
    elsif refusal = 'RESTORED' then
        since := place.restored_at; until := place.restored_at + place.settle_window;
    elsif refusal = 'BREAKER_OPEN' then
        why := why || ' ' || (select x.plain_words from reasons as x where x.code = place.breaker_reason);
        since := place.breaker_opened_at; until := place.breaker_until;
        opened_by := case
            when until is not null then 'then one request is tried; if that works, it opens by itself'
            when place.breaker_reason = 'SIGN_IN_REFUSED' then 'a person closes the breaker, once the new password is in Vault'
            when place.breaker_reason = 'SEND_FORM_CHANGED' then 'a person closes the breaker, once QA has looked at the form'
            else 'a person closes the breaker'
        end;
    elsif refusal = 'MAINTENANCE' then
        select min(w.starts_at) into since from maintenance_between(p_portal, p_at, p_at) as w;
        until := maintenance_ends_at(p_portal, p_at);
    elsif refusal = 'DAILY_CAP' then
        until := next_midnight(place.time_zone, p_at);
    end if;
    backlog := expected_backlog(p_portal, p_at, p_at, until);
end
$$;

create or replace function billcopy.expected_backlog(p_portal text, p_now timestamptz, p_from timestamptz, p_until timestamptz) returns jsonb
language plpgsql stable set search_path = billcopy, pg_temp as $$
-- What will wait when a portal that closes at p_from opens at p_until:
--   waiting: queued and due by then (of what is due before p_from, what is due already if it is closed now)
--   arriving: requests received between the same clock times of each of the past four weeks, per week;
--             weeks before the first request of all do not count; null: there is no such week
-- p_until null: a person opens it; then only what is due now is counted.
declare
    v_zone text := (select p.time_zone from portals as p where p.name = p_portal);
    v_first timestamptz := (select min(r.received_at) from requests as r where r.portal = p_portal);
    v_waiting bigint;
    v_arriving numeric;
begin
    select count(*) into v_waiting from requests as r
    where r.portal = p_portal and r.state = 'queued' and r.not_before <= coalesce(p_until, p_now)
    and (p_from <= p_now or r.not_before >= p_from);
    select avg(w.n) into v_arriving from (
        select (select count(*) from requests as r where r.portal = p_portal and r.received_at >= s.begins and r.received_at < s.ends) as n
        from generate_series(1, 4) as k
        cross join lateral (
            select local_instant(greatest(p_from, p_now) at time zone v_zone - make_interval(weeks => k), v_zone, false) as begins,
                local_instant(p_until at time zone v_zone - make_interval(weeks => k), v_zone, false) as ends
        ) as s
        where s.begins >= v_first
    ) as w;
    return jsonb_build_object('waiting', v_waiting, 'arriving', round(v_arriving, 1),
        'expected', v_waiting + coalesce(round(v_arriving), 0));
end
$$;

create or replace function billcopy.next_maintenance(p_portal text, p_at timestamptz) returns jsonb
language sql stable set search_path = billcopy, pg_temp as $$
    -- The window that is open at p_at, or the next one within eight days, with the backlog at its end.
    select to_jsonb(w) || jsonb_build_object(
        'opens_at', e.at, 'reason', m.reason, 'time_zone', m.time_zone, 'weekly', m.weekday is not null,
        'backlog', expected_backlog(p_portal, p_at, w.starts_at, e.at)
    )
    from maintenance_between(p_portal, p_at, p_at + interval '8 days') as w
    inner join maintenance_windows as m on w.window_id = m.id
    cross join lateral (select maintenance_ends_at(p_portal, greatest(w.starts_at, p_at)) as at) as e
    order by w.starts_at, w.window_id limit 1
$$;

create or replace function billcopy.next_due_at(p_portal text) returns timestamptz
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- When the next queued request may be claimed; null: none is queued, or a person must open the portal.
    select case when c.refusal is null or c.until is not null then (
        select greatest(min(r.not_before), c.until) from requests as r where r.portal = p_portal and r.state = 'queued'
    ) end
    from portal_closure(p_portal, clock_timestamp()) as c
$$;

create or replace function billcopy.worklist(p_portal text default null)
returns table (
    request_id bigint, portal text, state text, reason_code text, why text, since timestamptz, reference text,
    account_masked text, next_action text
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What waits for a person, the longest waiting first: in doubt, held, and failed though it had its
    -- second chance. A person takes a failed one off by putting it back, or by saying it is looked after.
    select r.id, r.portal, r.state, r.reason_code, x.plain_words,
        coalesce(r.finished_at, (
            select max(e.at) from events as e where e.request_id = r.id and e.entity = 'request' and e.to_state = 'held'
        ), r.received_at),
        r.reference, r.account_masked, case
            when r.reason_code = 'IN_DOUBT' then 'look whether it arrived; decide-doubt, then a second person approve-doubt'
            when r.reason_code in ('TOO_MANY_INVOICES', 'TOO_MANY_MAILS') then 'if that many are meant: release; else cancel'
            when r.reason_code = 'TOO_MANY_RESCUES' then 'find out why the bot stopped (story), then release'
            when r.state = 'held' then 'release, or cancel'
            when r.reason_code = 'PAGE_NOT_AS_EXPECTED' then 'QA: look at the page; then requeue'
            else 'read the story; requeue, or send by hand, then worklist-done'
        end
    from requests as r left join reasons as x on r.reason_code = x.code
    where (p_portal is null or r.portal = p_portal)
    and r.needs_a_person
    order by 6, 1
$$;
