-- Windows: maintenance once and every week, by the clock of a place that changes it.

create or replace function billcopy.local_instant(p_local timestamp, p_zone text, p_later boolean) returns timestamptz
language sql stable strict set search_path = billcopy, pg_temp as $$
    -- When a clock on the wall shows p_local. Shown twice: p_later says which. Never shown, as the clock
    -- jumped over it: as if it had not jumped (RFC 5545, 3.3.5).
    select coalesce(
        case when p_later then max(c.at) filter (where c.is_shown) else min(c.at) filter (where c.is_shown) end,
        max(c.at)
    )
    from (
        select o.at, o.at at time zone p_zone = p_local as is_shown from (
            -- With the clock's offset of the day before, and with that of the day after.
            select (p_local - ((x.near at time zone p_zone) - (x.near at time zone 'UTC'))) at time zone 'UTC' as at
            from (values
                ((p_local at time zone 'UTC') - interval '1 day'),
                ((p_local at time zone 'UTC') + interval '1 day')
            ) as x (near)
        ) as o
    ) as c
$$;

create or replace function billcopy.next_midnight(p_zone text, p_at timestamptz) returns timestamptz
language sql stable strict set search_path = billcopy, pg_temp as $$
    select local_instant(((p_at at time zone p_zone)::date + 1)::timestamp, p_zone, false)
$$;

create or replace function billcopy.maintenance_between(p_portal text, p_from timestamptz, p_to timestamptz)
returns table (window_id bigint, starts_at timestamptz, ends_at timestamptz)
language sql stable set search_path = billcopy, pg_temp as $$
    -- Every window that touches [p_from, p_to], weekly ones once per week, by their beginning.
    select o.id, o.starts_at, o.ends_at from (
        select m.id, m.starts_at, m.ends_at from maintenance_windows as m
        where m.portal = p_portal and m.removed_at is null and m.weekday is null
        union all
        select m.id, local_instant(d.day + m.local_start, m.time_zone, false), case
            when m.lasts is not null then local_instant(d.day + m.local_start, m.time_zone, false) + m.lasts
            else local_instant(
                d.day + m.local_end + case when m.local_end <= m.local_start then interval '1 day' else interval '0' end, m.time_zone, true
            )
        end
        from maintenance_windows as m
        cross join lateral (
            select g::date as day from generate_series(
                (p_from at time zone m.time_zone)::date - 8, (p_to at time zone m.time_zone)::date + 1, interval '1 day'
            ) as g
        ) as d
        where m.portal = p_portal and m.removed_at is null and m.weekday = extract(isodow from d.day)
        and d.day >= m.valid_from and (m.valid_to is null or d.day <= m.valid_to)
    ) as o (id, starts_at, ends_at)
    where o.starts_at <= p_to and o.ends_at > p_from
    order by o.starts_at, o.id
$$;

create or replace function billcopy.in_maintenance(p_portal text, p_at timestamptz, p_claimed_at timestamptz default null) returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    -- A window counts against the request in hand only if it had begun when that was claimed: the bot
    -- drains between two requests, never in the middle of one.
    select exists (select from maintenance_windows as m where m.portal = p_portal and m.removed_at is null)
        and exists (select from maintenance_between(p_portal, p_at, p_at) as w where w.starts_at <= coalesce(p_claimed_at, p_at))
$$;

create or replace function billcopy.maintenance_ends_at(p_portal text, p_at timestamptz) returns timestamptz
language plpgsql stable set search_path = billcopy, pg_temp as $$
-- When the portal opens again: windows that overlap or meet are one. Null: none is open at p_at.
-- At most a year ahead, so that windows without a gap end the search, too.
declare
    v_until timestamptz;
    v_next timestamptz := p_at;
begin
    loop
        select max(w.ends_at) into v_next from maintenance_between(p_portal, v_next, v_next) as w;
        exit when v_next is null;
        v_until := v_next;
        exit when v_until > p_at + interval '1 year';
    end loop;
    return v_until;
end
$$;

create or replace function billcopy.next_quiet_time(p_portal text, p_at timestamptz) returns timestamptz
language sql stable set search_path = billcopy, pg_temp as $$
    -- When the next quiet hours begin, by the portal's clock; those that have begun are not the next.
    select min(q.at) from (
        select local_instant((p_at at time zone p.time_zone)::date + n + p.quiet_from, p.time_zone, false) as at
        from portals as p cross join generate_series(0, 2) as n where p.name = p_portal
    ) as q where q.at > p_at
$$;
