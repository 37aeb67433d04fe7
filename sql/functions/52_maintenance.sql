-- Maintenance: windows entered and removed by a person; 15_windows.sql says when they are open.

create or replace function billcopy.schedule_maintenance(
    p_portal text, p_starts_at timestamptz, p_ends_at timestamptz, p_time_zone text, p_actor text, p_reason text
) returns bigint
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Once, from one moment to another.
declare
    place portals := portal_for_change(p_portal);
    v_id bigint;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform demand(exists (select from pg_timezone_names as z where z.name = p_time_zone), 'time_zone', 'is not a time zone');
    perform demand(p_starts_at < p_ends_at, 'ends_at', 'must lie after starts_at');
    perform demand(p_ends_at > clock_timestamp(), 'ends_at', 'must lie in the future');
    insert into maintenance_windows (portal, starts_at, ends_at, time_zone, reason, entered_by)
    values (place.name, p_starts_at, p_ends_at, p_time_zone, p_reason, p_actor) returning id into v_id;
    perform record_event('portal', p_portal, 'maintenance scheduled',
        p_detail => jsonb_build_object('window', v_id, 'starts_at', p_starts_at, 'ends_at', p_ends_at));
    perform pg_notify('billcopy_requests', p_portal);
    return v_id;
end
$$;

create or replace function billcopy.schedule_weekly_maintenance(
    p_portal text, p_weekday smallint, p_local_start time, p_local_end time, p_lasts interval, p_time_zone text,
    p_valid_from date, p_valid_to date, p_actor text, p_reason text
) returns bigint
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Every week by the clock of a time zone; ends by that clock (p_local_end) or after p_lasts.
declare
    place portals := portal_for_change(p_portal);
    v_from date;
    v_id bigint;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform demand(exists (select from pg_timezone_names as z where z.name = p_time_zone), 'time_zone', 'is not a time zone');
    perform demand(p_weekday between 1 and 7, 'weekday', 'must be 1 (Monday) to 7 (Sunday)');
    perform demand(num_nonnulls(p_local_end, p_lasts) = 1, 'ends', 'must be a time of day or a duration');
    perform demand(p_lasts is null or p_lasts > interval '0' and p_lasts <= interval '7 days', 'lasts', 'must be at most seven days');
    v_from := coalesce(p_valid_from, (clock_timestamp() at time zone p_time_zone)::date);
    perform demand(p_valid_to is null or p_valid_to >= v_from, 'valid_to', 'must not lie before valid_from');
    insert into maintenance_windows (portal, weekday, local_start, local_end, lasts, time_zone, valid_from, valid_to, reason, entered_by)
    values (place.name, p_weekday, p_local_start, p_local_end, p_lasts, p_time_zone, v_from, p_valid_to, p_reason, p_actor)
    returning id into v_id;
    perform record_event('portal', p_portal, 'maintenance scheduled', p_detail => (
        select jsonb_strip_nulls(to_jsonb(m) - 'portal' - 'reason') from maintenance_windows as m where m.id = v_id
    ));
    perform pg_notify('billcopy_requests', p_portal);
    return v_id;
end
$$;

create or replace function billcopy.remove_maintenance(p_window_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The row stays, so that the history can be told; returns the portal.
declare
    v_portal text;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    update maintenance_windows set removed_at = clock_timestamp(), removed_by = p_actor
    where id = p_window_id and removed_at is null returning portal into v_portal;
    if not found then
        raise exception using errcode = 'BC003', message = format('there is no maintenance window %s', p_window_id);
    end if;
    perform record_event('portal', v_portal, 'maintenance removed', p_detail => jsonb_build_object('window', p_window_id));
    perform pg_notify('billcopy_requests', v_portal);
    return v_portal;
end
$$;

create or replace function billcopy.list_maintenance(p_portal text default null)
returns table (
    window_id bigint, portal text, weekday smallint, local_start time, local_end time, lasts interval, time_zone text,
    valid_from date, valid_to date, next_start timestamptz, next_end timestamptz, reason text, entered_by text
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Windows that are open or still to come. A weekly one with its next time within five weeks.
    select m.id, m.portal, m.weekday, m.local_start, m.local_end, m.lasts, m.time_zone, m.valid_from, m.valid_to,
        coalesce(m.starts_at, n.starts_at), coalesce(m.ends_at, n.ends_at), m.reason, m.entered_by
    from maintenance_windows as m
    left join lateral (
        select w.starts_at, w.ends_at from maintenance_between(m.portal, clock_timestamp(), clock_timestamp() + interval '35 days') as w
        where w.window_id = m.id order by w.starts_at limit 1
    ) as n on true
    where (p_portal is null or m.portal = p_portal) and m.removed_at is null
    and (m.ends_at > clock_timestamp() or m.weekday is not null and (m.valid_to is null or m.valid_to >= current_date - 8))
    order by m.portal, 10, m.id
$$;

create or replace function billcopy.look_after(p_request_id bigint, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Takes a failed request off the worklist: a person has seen to it in another way.
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if request.state = 'held' or not request.needs_a_person then
        raise exception using errcode = 'BC002',
            message = format('request %s is %s; only one that failed and is on the worklist can be looked after', request.id, request.state);
    end if;
    update requests set looked_after_at = clock_timestamp(), looked_after_by = p_actor where id = request.id;
    perform record_event('request', request.id::text, 'looked after', request.id);
end
$$;
