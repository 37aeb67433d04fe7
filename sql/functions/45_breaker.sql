-- Breaker: the portal in trouble. Nothing is claimed or sent while it is open; when its time is over,
-- one request is tried: a success closes it, a failure opens it for twice as long.

create or replace function billcopy.trip_breaker(
    p_portal text, p_reason_code text, p_detail text, p_until timestamptz, p_request_id bigint default null, p_secret_version integer default null
) returns void
language plpgsql set search_path = billcopy, pg_temp as $$
-- Opens it. p_until null: a person closes it.
begin
    update portals set breaker_opened_at = clock_timestamp(), breaker_until = p_until, breaker_detail = left(p_detail, 500),
        breaker_reason = coalesce((select x.code from reasons as x where x.code = p_reason_code), 'UNEXPECTED'),
        breaker_secret_version = coalesce(p_secret_version, breaker_secret_version),
        breaker_openings = breaker_openings + 1, breaker_request_id = p_request_id
    where name = p_portal;
    perform record_event('portal', p_portal, 'breaker opened', p_request_id, p_reason_code => p_reason_code,
        p_detail => jsonb_build_object('until', p_until, 'secret_version', p_secret_version));
end
$$;

create or replace function billcopy.open_breaker(
    p_bot_run_id bigint, p_reason_code text, p_detail text, p_until timestamptz, p_secret_version integer
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- What the bot itself knows at once: a refused sign-in.
begin
    perform act_as(format('bot run %s', p_bot_run_id), p_detail);
    perform trip_breaker(b.portal, p_reason_code, p_detail, p_until, null, p_secret_version) from bot_runs as b where b.id = p_bot_run_id;
end
$$;

create or replace function billcopy.portal_is_well(p_portal text) returns void
language plpgsql set search_path = billcopy, pg_temp as $$
-- Forgets what was counted, and closes the breaker. A refused password version stays refused.
declare
    v_open boolean := (select p.breaker_opened_at is not null from portals as p where p.name = p_portal);
begin
    update portals set breaker_opened_at = null, breaker_until = null, breaker_reason = null, breaker_detail = null,
        breaker_openings = 0, breaker_request_id = null, portal_down_in_a_row = 0, drift_request_ids = '{}', error_request_ids = '{}'
    where name = p_portal and (
        breaker_opened_at is not null or portal_down_in_a_row > 0 or drift_request_ids <> '{}' or error_request_ids <> '{}'
    );
    if v_open then
        perform record_event('portal', p_portal, 'breaker closed');
    end if;
end
$$;

create or replace function billcopy.may_try_one(p_portal text) returns boolean
language plpgsql set search_path = billcopy, pg_temp as $$
-- Whether the one request that a breaker lets through when its time is over may be claimed now.
-- Holds the portal's row, so that two bot runs cannot both be told yes.
begin
    perform from portals as p where p.name = p_portal for update;
    return portal_refusal(p_portal) is null
        and not exists (select from requests as r where r.portal = p_portal and r.state = 'claimed');
end
$$;

create or replace function billcopy.stopped_at_send_form(p_request_id bigint) returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    -- This attempt listed the bills, and one of them was still to be sent or its click not recorded.
    select exists (
        select from requests as r inner join attempts as a on r.id = a.request_id and r.lease_epoch = a.epoch
        inner join steps as s on a.id = s.attempt_id and s.step = 'invoices listed'
        where r.id = p_request_id
    ) and exists (
        select from deliveries as d where d.request_id = p_request_id
        and (d.state = 'planned' or d.state = 'sending' and d.clicked_at is null)
    )
$$;

create or replace function billcopy.form_was_wrong(p_request_id bigint) returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    -- The form showed something else than the request for every bill: it is the form that has changed.
    select coalesce(
        bool_and(d.reason_code = 'FORM_MISMATCH') filter (where d.reason_code is distinct from 'KIND_NOT_SENT'), false
    ) from deliveries as d where d.request_id = p_request_id
$$;

create or replace function billcopy.breaker_pause(p_portal billcopy.portals) returns interval
language sql immutable set search_path = billcopy, pg_temp as $$
    -- Doubles with every opening in a row, up to the longest.
    select least(p_portal.breaker_pause * power(2, least(p_portal.breaker_openings, 20)), p_portal.breaker_longest_pause)
$$;

create or replace function billcopy.count_trouble(p_portal text, p_request_id bigint, p_reason_code text) returns billcopy.portals
language sql volatile set search_path = billcopy, pg_temp as $$
    -- One more failure since the last success; a request counts once, a session that failed as portal down only.
    update portals set
        portal_down_in_a_row = portal_down_in_a_row + case when p_reason_code = 'PORTAL_DOWN' then 1 else 0 end,
        drift_request_ids = case
            when p_reason_code not in ('SEND_FORM_CHANGED', 'FORM_MISMATCH') or p_request_id = any(drift_request_ids) then drift_request_ids
            else array_append(drift_request_ids, p_request_id)
        end,
        error_request_ids = case
            when p_reason_code = 'FORM_MISMATCH' or p_request_id is null or p_request_id = any(error_request_ids) then error_request_ids
            else array_append(error_request_ids, p_request_id)
        end
    where name = p_portal returning *
$$;

create or replace function billcopy.note_health(p_portal text, p_request_id bigint, p_class text, p_reason_code text) returns text
language plpgsql set search_path = billcopy, pg_temp as $$
-- What an ended attempt says about the portal, or a session that could not be made ready (then without
-- a request). Returns why the breaker was opened by it; null: it was not.
declare
    place portals;
    v_class text := coalesce((select x.class from reasons as x where x.code = p_reason_code and x.class = 'application'), p_class);
    v_code text := p_reason_code;
    v_opened text;
begin
    if v_class = 'refused' or v_code in ('SIGN_IN_REFUSED', 'DATABASE_UNAVAILABLE', 'LEASE_EXPIRED') or v_code like 'VAULT%' then
        return null;  -- says nothing about the portal, or is the bot's to report
    end if;
    if v_class is distinct from 'application' and form_was_wrong(p_request_id) then
        v_code := 'FORM_MISMATCH';
    elsif v_class is distinct from 'application' then
        select p.* into place from portals as p where p.name = p_portal;
        if place.breaker_opened_at is null or place.breaker_until <= clock_timestamp() then
            perform portal_is_well(p_portal);
        end if;
        return null;
    end if;
    if v_code = 'PAGE_NOT_AS_EXPECTED' and stopped_at_send_form(p_request_id) then
        v_code := 'SEND_FORM_CHANGED';
    end if;
    place := count_trouble(p_portal, p_request_id, v_code);
    v_opened := case
        when place.breaker_opened_at is not null and (place.breaker_until is null or place.breaker_until > clock_timestamp()) then null
        when cardinality(place.drift_request_ids) >= place.breaker_drift_after then 'SEND_FORM_CHANGED'
        when v_code = 'PORTAL_DOWN' and (
            place.portal_down_in_a_row >= place.breaker_portal_down_after or place.breaker_opened_at is not null
        ) then 'PORTAL_DOWN'
        when cardinality(place.error_request_ids) >= place.breaker_errors_after then 'TOO_MANY_ERRORS'
        when place.breaker_opened_at is not null then place.breaker_reason
    end;
    if v_opened is not null then
        perform trip_breaker(
            p_portal, v_opened, format('the last error was %s', coalesce(p_reason_code, v_code)),
            case when v_opened <> 'SEND_FORM_CHANGED' then clock_timestamp() + breaker_pause(place) end, p_request_id
        );
    end if;
    return v_opened;
end
$$;

create or replace function billcopy.report_session_failure(p_bot_run_id bigint, p_reason_code text) returns boolean
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- A session could not be made ready; nothing was claimed. Returns whether the breaker is open now.
declare
    v_portal text := (select b.portal from bot_runs as b where b.id = p_bot_run_id);
begin
    perform act_as(format('bot run %s', p_bot_run_id));
    perform note_health(v_portal, null, 'application', p_reason_code);
    return portal_refusal(v_portal) is not distinct from 'BREAKER_OPEN';
end
$$;
