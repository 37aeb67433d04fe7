-- Bot run: the process that holds leases, its portal's lock, clock and password.

create or replace function billcopy.database_now() returns timestamptz
language sql volatile set search_path = billcopy, pg_temp as $$
    -- The clock by which a look at the bank's log is dated.
    select clock_timestamp()
$$;

create or replace function billcopy.portal_timings(
    p_portal text, out lease interval, out renew_every interval, out attempt_deadline interval, out click_budget interval,
    out send_processing interval, out settle_window interval
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Why settle_window must outlast click_budget, send_processing and the log's lag together: a permit
    -- given at sending_at ends click_budget later at the latest; a request that left the browser then is
    -- worked on for send_processing; its row may take the lag to show. So a row that is missing from a
    -- look begun settle_window after sending_at never comes. The first two are held by a constraint of
    -- portals, the lag stands in profile.yaml and is added by the bot when it starts.
    select p.lease, p.renew_every, p.attempt_deadline, p.click_budget, p.send_processing, p.settle_window from portals as p where p.name = p_portal
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

create or replace function billcopy.record_browser(p_bot_run_id bigint, p_version text) returns void
language sql security definer set search_path = billcopy, pg_temp as $$
    update bot_runs set versions = versions || jsonb_build_object('browser', left(p_version, 200)) where id = p_bot_run_id
$$;

create or replace function billcopy.take_portal_lock(p_portal text) returns boolean
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- One bot per portal: a lock that lives as long as this connection.
    select pg_try_advisory_lock(hashtext('billcopy portal'), hashtext(p_portal))
$$;

create or replace function billcopy.portal_lock_holder(p_portal text) returns integer
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- The process of the session that holds the portal's lock; null: it is free.
    select l.pid from pg_locks as l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
    and l.database = (select d.oid from pg_database as d where d.datname = current_database())
    and l.classid = hashtext('billcopy portal')::bit(32)::bigint::oid
    and l.objid = hashtext(p_portal)::bit(32)::bigint::oid
$$;

create or replace function billcopy.holds_portal_lock(p_portal text) returns boolean
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    select coalesce(portal_lock_holder(p_portal) = pg_backend_pid(), false)
$$;

create or replace function billcopy.record_credential_read(
    p_bot_run_id bigint, p_path text, p_version integer, p_outcome text, p_expires_at timestamptz
) returns void
language sql security definer set search_path = billcopy, pg_temp as $$
    insert into credential_reads (bot_run_id, portal, path, version, outcome, expires_at)
    select b.id, b.portal, p_path, p_version, p_outcome, p_expires_at from bot_runs as b where b.id = p_bot_run_id
$$;

create or replace function billcopy.refused_secret_version(p_portal text) returns integer
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- The version of the password that nobody may try again; null: none.
    select p.breaker_secret_version from portals as p where p.name = p_portal
$$;
