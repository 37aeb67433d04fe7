-- Alarms: what to open, what to tell whom, what is over. Which conditions hold stands in 71.

create or replace function billcopy.report_conditions(
    p_holding jsonb, p_judged text [], p_channels text [], p_remind_after interval, out opened integer, out closed integer
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Opens an alarm for what holds and has none, closes those of the judged conditions that hold no more, and
-- writes down what each channel is to be told. However often the same thing is reported, it is told once.
-- p_holding: [{"condition", "key", "severity", "text", "next_action", "runbook"}]
begin
    perform pg_advisory_xact_lock(hashtext('billcopy alarms'));
    update alarms as a set last_seen_at = clock_timestamp(), text = h.text, severity = h.severity
    from jsonb_to_recordset(p_holding) as h (condition text, key text, text text, severity text)
    where a.condition = h.condition and a.key = h.key and a.closed_at is null;
    with new as (
        insert into alarms (condition, key, severity, text, next_action, runbook)
        select h.condition, h.key, h.severity, h.text, h.next_action, h.runbook
        from jsonb_to_recordset(p_holding) as h (condition text, key text, severity text, text text, next_action text, runbook text)
        on conflict (condition, key) where closed_at is null do nothing
        returning id
    ),
    told as (
        insert into alarm_notices (alarm_id, channel, kind) select n.id, c, 'alarm' from new as n cross join unnest(p_channels) as c
    )
    select count(*) into opened from new;
    with over as (
        update alarms as a set closed_at = clock_timestamp()
        where a.closed_at is null and a.condition = any(p_judged) and not exists (
            select from jsonb_to_recordset(p_holding) as h (condition text, key text) where h.condition = a.condition and h.key = a.key
        )
        returning id
    ),
    told as (
        insert into alarm_notices (alarm_id, channel, kind)
        select distinct n.alarm_id, n.channel, 'all_clear' from over as o inner join alarm_notices as n on o.id = n.alarm_id
    )
    select count(*) into closed from over;
    insert into alarm_notices (alarm_id, channel, kind)
    select a.id, c, 'reminder' from alarms as a cross join unnest(p_channels) as c
    where a.closed_at is null and a.acknowledged_at is null and not exists (
        select from alarm_notices as n
        where n.alarm_id = a.id and n.channel = c and (n.sent_at is null or n.sent_at > clock_timestamp() - p_remind_after)
    );
end
$$;

create or replace function billcopy.due_notices(p_channels text [])
returns table (
    notice_id bigint, channel text, kind text, tries integer, alarm_id bigint, condition text, key text, severity text,
    text text, next_action text, runbook text, opened_at timestamptz, closed_at timestamptz
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What is still to be told, in the order in which it happened.
    select n.id, n.channel, n.kind, n.tries, a.id, a.condition, a.key, a.severity, a.text, a.next_action, a.runbook, a.opened_at, a.closed_at
    from alarm_notices as n inner join alarms as a on n.alarm_id = a.id
    where n.sent_at is null and n.channel = any(p_channels) order by n.id
$$;

create or replace function billcopy.record_notice(p_notice_id bigint, p_error text) returns void
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- Without an error it was sent; else it is tried again at the next pass.
    update alarm_notices set tries = tries + 1, last_error = left(p_error, 500),
        sent_at = case when p_error is null then clock_timestamp() end
    where id = p_notice_id and sent_at is null
$$;

create or replace function billcopy.list_alarms(p_closed_since timestamptz)
returns table (
    alarm_id bigint, condition text, key text, severity text, text text, next_action text, runbook text, opened_at timestamptz,
    closed_at timestamptz, acknowledged_at timestamptz, acknowledged_by text, untold bigint
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Open alarms, and those that closed since then; untold: notices that no channel has taken yet.
    select a.id, a.condition, a.key, a.severity, a.text, a.next_action, a.runbook, a.opened_at, a.closed_at, a.acknowledged_at,
        a.acknowledged_by, (select count(*) from alarm_notices as n where n.alarm_id = a.id and n.sent_at is null)
    from alarms as a where a.closed_at is null or a.closed_at >= p_closed_since order by a.id
$$;

create or replace function billcopy.acknowledge_alarm(p_alarm_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- A person sees to it: no more reminders. What happened once and cannot pass by itself, an orphan or a
-- duplicate, is over with that. Returns the condition.
declare
    alarm alarms;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    select a.* into alarm from alarms as a where a.id = p_alarm_id for update;
    if not found then
        raise exception using errcode = 'BC003', message = format('there is no alarm %s', p_alarm_id);
    end if;
    if alarm.closed_at is not null then
        raise exception using errcode = 'BC002', message = format('alarm %s is over', p_alarm_id);
    end if;
    update alarms set acknowledged_at = clock_timestamp(), acknowledged_by = p_actor where id = alarm.id;
    if alarm.condition in ('orphan', 'duplicate_seen') then
        update reconciliation_findings as f
        set looked_after_at = clock_timestamp(), looked_after_by = p_actor, looked_after_reason = p_reason
        where f.looked_after_at is null and f.portal = alarm.key and f.last_found_at <= alarm.last_seen_at
        and (f.kind = 'row_twice') = (alarm.condition = 'duplicate_seen');
    end if;
    perform record_event('alarm', alarm.id::text, 'alarm acknowledged', p_detail => jsonb_build_object('condition', alarm.condition));
    return alarm.condition;
end
$$;

create or replace function billcopy.record_sign_of_life(p_program text) returns void
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    insert into signs_of_life as s (program, seen_at) values (p_program, clock_timestamp())
    on conflict (program) do update set seen_at = clock_timestamp()
$$;

create or replace function billcopy.take_watch() returns boolean
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- One watch tells; a second one waits. A lock that lives as long as this connection.
    select pg_try_advisory_lock(hashtext('billcopy watch'), 0)
$$;
