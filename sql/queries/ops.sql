-- register_portal
-- Enters a portal folder; again takes over its changes.
select
    billcopy.register_portal(
        %(name)s, %(title)s, %(account_pattern)s, %(account_example)s, %(recipient_policy)s, %(time_zone)s, %(actor)s
    );

-- configure_portal
-- Limits and timings.
select billcopy.configure_portal(%(portal)s, %(changes)s, %(actor)s, %(reason)s);

-- stop_portal
-- The stop switch.
select billcopy.stop_portal(%(portal)s, %(actor)s, %(reason)s);

-- resume_portal
-- Ends a stop.
select billcopy.resume_portal(%(portal)s, %(actor)s, %(reason)s);

-- close_breaker
-- A person says that the trouble is over.
select billcopy.close_breaker(%(portal)s, %(actor)s, %(reason)s);

-- schedule_maintenance
-- Once, from one moment to another; nothing is claimed within it.
select
    billcopy.schedule_maintenance(
        %(portal)s, %(starts_at)s, %(ends_at)s, %(time_zone)s, %(actor)s, %(reason)s
    ) as id;

-- schedule_weekly_maintenance
-- Every week, by the clock of a time zone.
select
    billcopy.schedule_weekly_maintenance(
        %(portal)s, %(weekday)s::smallint, %(local_start)s, %(local_end)s, %(lasts)s, %(time_zone)s,
        %(valid_from)s, %(valid_to)s, %(actor)s, %(reason)s
    ) as id;

-- remove_maintenance
-- The window was called off.
select billcopy.remove_maintenance(%(window_id)s, %(actor)s, %(reason)s) as portal;

-- list_maintenance
-- Windows that are open or to come.
select
    window_id,
    portal,
    weekday,
    local_start,
    local_end,
    lasts,
    time_zone,
    valid_from,
    valid_to,
    next_start,
    next_end,
    reason,
    entered_by
from billcopy.list_maintenance(%(portal)s);

-- portal_closure
-- Why the portal is closed, until when, and who opens it.
select
    refusal,
    why,
    since,
    until,
    opened_by
from billcopy.portal_closure(%(portal)s, clock_timestamp());

-- count_claimable
-- A short cut for the gate; claim_next is the judge.
select
    billcopy.count_claimable(
        %(portal)s, %(request_ids)s::bigint [], %(received_from)s, %(received_to)s
    ) as claimable;

-- next_due_at
-- When there is something to claim again.
select billcopy.next_due_at(%(portal)s) as due_at;

-- expired_leases
-- Whose bot stopped renewing, and which process group to end first.
select
    request_id,
    portal,
    epoch,
    bot_run_id,
    lease_until,
    host,
    boot_id,
    process_group,
    process_started_at
from billcopy.expired_leases();

-- rescue_request
-- Takes back one expired lease.
select state from billcopy.rescue_request(%(request_id)s, %(epoch)s, %(actor)s);

-- requeue_requests
-- Puts finished requests back, each with its outcome.
select
    request_id,
    outcome
from billcopy.requeue_requests(
    %(portal)s, %(request_ids)s::bigint [], %(received_from)s, %(received_to)s, %(states)s::text [], %(even_expired)s,
    %(actor)s, %(reason)s
);

-- decide_doubt
-- The first of two people.
select billcopy.decide_doubt(%(delivery_id)s, %(decision)s, %(instead_of)s::bigint, %(actor)s, %(reason)s) as decision_id;

-- approve_doubt
-- The second of two people.
select billcopy.approve_doubt(%(decision_id)s, %(actor)s, %(reason)s) as decision;

-- erase_subject
-- Personal data of one finished request.
select billcopy.erase_subject(%(request_id)s, %(actor)s, %(reason)s);

-- dag_run_summary
-- What the bot runs of one DAG run did.
select billcopy.dag_run_summary(%(dag_run_id)s) as summary;
