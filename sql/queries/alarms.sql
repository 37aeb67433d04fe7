-- conditions_now
-- What holds right now, with the facts its text is made of.
select
    condition,
    key,
    facts
from billcopy.conditions_now(%(limits)s);

-- report_conditions
-- Opens, closes, and writes down whom to tell.
select
    opened,
    closed
from billcopy.report_conditions(%(holding)s, %(judged)s::text [], %(channels)s::text [], %(remind_after)s);

-- due_notices
-- What is still to be told.
select
    notice_id,
    channel,
    kind,
    tries,
    alarm_id,
    condition,
    key,
    severity,
    text,
    next_action,
    runbook,
    opened_at,
    closed_at
from billcopy.due_notices(%(channels)s::text []);

-- record_notice
-- It was sent, or why not.
select billcopy.record_notice(%(notice_id)s, %(error)s);

-- list_alarms
-- Open ones, and those that closed since then.
select
    alarm_id,
    condition,
    key,
    severity,
    text,
    next_action,
    runbook,
    opened_at,
    closed_at,
    acknowledged_at,
    acknowledged_by,
    untold
from billcopy.list_alarms(%(closed_since)s);

-- acknowledge_alarm
-- A person sees to it.
select billcopy.acknowledge_alarm(%(alarm_id)s, %(actor)s, %(reason)s) as condition;

-- record_sign_of_life
-- A program says that it works.
select billcopy.record_sign_of_life(%(program)s);

-- take_watch
-- One watch tells, a second one waits.
select billcopy.take_watch() as taken;

-- watch_figures
-- What /metrics shows.
select
    figure,
    portal,
    state,
    value
from billcopy.watch_figures();
