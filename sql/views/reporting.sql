-- Reporting: views without personal data; Superset reads these and nothing else.

create view reporting.requests as
select
    r.id as request_id,
    r.portal,
    p.title as portal_title,
    r.state,
    s.meaning as state_meaning,
    s.is_final,
    r.reason_code,
    x.class as reason_class,
    x.plain_words as reason,
    r.channel,
    r.priority,
    r.received_at,
    r.due_at,
    a.first_started_at,
    r.finished_at,
    extract(epoch from r.finished_at - r.received_at) as seconds_to_finish,
    a.seconds_worked,
    r.attempts,
    r.rescues,
    d.invoices_found,
    d.invoices_sent,
    d.invoices_duplicate,
    d.invoices_in_doubt,
    coalesce(r.finished_at, now()) <= r.due_at as on_time
from billcopy.requests as r
inner join billcopy.portals as p on r.portal = p.name
inner join billcopy.request_states as s on r.state = s.state
left join billcopy.reasons as x on r.reason_code = x.code
left join lateral (
    select
        min(t.started_at) as first_started_at,
        sum(extract(epoch from t.ended_at - t.started_at)) as seconds_worked
    from billcopy.attempts as t
    where t.request_id = r.id
) as a on true
left join lateral (
    select
        count(*) as invoices_found,
        count(*) filter (where e.state = 'confirmed') as invoices_sent,
        count(*) filter (where e.state = 'duplicate') as invoices_duplicate,
        count(*) filter (where e.state in ('sending', 'in_doubt')) as invoices_in_doubt
    from billcopy.deliveries as e
    where e.request_id = r.id
) as d on true;

comment on view reporting.requests is 'One row per request, without personal data.';
comment on column reporting.requests.request_id is 'Number of the request.';
comment on column reporting.requests.portal is 'Name of the portal.';
comment on column reporting.requests.portal_title is 'The portal as people call it.';
comment on column reporting.requests.state is 'State of the request.';
comment on column reporting.requests.state_meaning is 'The state in plain words.';
comment on column reporting.requests.is_final is 'Whether the request is finished.';
comment on column reporting.requests.reason_code is 'Code of the reason for the state.';
comment on column reporting.requests.reason_class is 'Class of the reason: business, application, …';
comment on column reporting.requests.reason is 'The reason in plain words.';
comment on column reporting.requests.channel is 'Where the customer asked.';
comment on column reporting.requests.priority is '1 urgent, 2 normal, 3 low.';
comment on column reporting.requests.received_at is 'When it was entered.';
comment on column reporting.requests.due_at is 'When it should be finished.';
comment on column reporting.requests.first_started_at is 'When a bot first worked on it.';
comment on column reporting.requests.finished_at is 'When it was finished.';
comment on column reporting.requests.seconds_to_finish is 'Seconds from entry to finish.';
comment on column reporting.requests.seconds_worked is 'Seconds the bot worked on it, all attempts together.';
comment on column reporting.requests.attempts is 'Tries that ended with an application error.';
comment on column reporting.requests.rescues is 'Times it was taken back from a bot that had stopped.';
comment on column reporting.requests.invoices_found is 'Invoices found for the period.';
comment on column reporting.requests.invoices_sent is 'Invoices sent and proven.';
comment on column reporting.requests.invoices_duplicate is 'Invoices not sent again because they had been sent before.';
comment on column reporting.requests.invoices_in_doubt is 'Invoices that may have been sent.';
comment on column reporting.requests.on_time is 'Whether it was finished, or still can be, by due_at; null: no due time.';

create view reporting.deliveries as
select
    d.id as delivery_id,
    d.request_id,
    d.portal,
    d.state,
    s.meaning as state_meaning,
    d.reason_code,
    x.plain_words as reason,
    d.kind,
    d.invoice_date,
    d.planned_at,
    d.sending_at,
    d.clicked_at,
    d.confirmed_at,
    d.proof_kind,
    d.tries
from billcopy.deliveries as d
inner join billcopy.delivery_states as s on d.state = s.state
left join billcopy.reasons as x on d.reason_code = x.code;

comment on view reporting.deliveries is 'One row per invoice and recipient, without personal data.';
comment on column reporting.deliveries.delivery_id is 'Number of the delivery.';
comment on column reporting.deliveries.request_id is 'The request it belongs to.';
comment on column reporting.deliveries.portal is 'Name of the portal.';
comment on column reporting.deliveries.state is 'State of the delivery.';
comment on column reporting.deliveries.state_meaning is 'The state in plain words.';
comment on column reporting.deliveries.reason_code is 'Code of the reason for the state.';
comment on column reporting.deliveries.reason is 'The reason in plain words.';
comment on column reporting.deliveries.kind is 'Kind of document, as the portal calls it.';
comment on column reporting.deliveries.invoice_date is 'Date of the invoice.';
comment on column reporting.deliveries.planned_at is 'When the invoice was found.';
comment on column reporting.deliveries.sending_at is 'When the click was permitted.';
comment on column reporting.deliveries.clicked_at is 'When the bot clicked.';
comment on column reporting.deliveries.confirmed_at is 'When the proof was read.';
comment on column reporting.deliveries.proof_kind is 'What proves it: sent_log, invoice_note, screen, person.';
comment on column reporting.deliveries.tries is 'How often a click was permitted.';

create view reporting.bot_runs as
select
    b.id as bot_run_id,
    b.portal,
    b.started_at,
    b.finished_at,
    b.stop_reason,
    b.claimed,
    b.blocked_requests,
    b.dag_run_id,
    extract(epoch from coalesce(b.finished_at, now()) - b.started_at) as seconds,
    (
        select sum(extract(epoch from coalesce(a.ended_at, now()) - a.started_at))
        from billcopy.attempts as a
        where a.bot_run_id = b.id
    ) as seconds_worked
from billcopy.bot_runs as b;

comment on view reporting.bot_runs is 'One row per run of the bot.';
comment on column reporting.bot_runs.bot_run_id is 'Number of the bot run.';
comment on column reporting.bot_runs.portal is 'Name of the portal.';
comment on column reporting.bot_runs.started_at is 'When it started.';
comment on column reporting.bot_runs.finished_at is 'When it finished.';
comment on column reporting.bot_runs.stop_reason is 'Why it stopped.';
comment on column reporting.bot_runs.claimed is 'Requests it claimed.';
comment on column reporting.bot_runs.blocked_requests is 'Requests that the guard in the browser refused.';
comment on column reporting.bot_runs.dag_run_id is 'The DAG run that started it.';
comment on column reporting.bot_runs.seconds is 'How long it ran, in seconds.';
comment on column reporting.bot_runs.seconds_worked is 'How long it worked on requests, in seconds.';

create view reporting.backlog as
select
    r.id as request_id,
    r.portal,
    r.state,
    s.meaning as state_meaning,
    x.plain_words as reason,
    r.priority,
    r.channel,
    r.received_at,
    r.due_at,
    r.not_before,
    extract(epoch from now() - r.received_at) as seconds_waiting
from billcopy.requests as r
inner join billcopy.request_states as s on r.state = s.state
left join billcopy.reasons as x on r.reason_code = x.code
where r.state in ('queued', 'claimed', 'held');

comment on view reporting.backlog is 'Requests that are not finished.';
comment on column reporting.backlog.request_id is 'Number of the request.';
comment on column reporting.backlog.portal is 'Name of the portal.';
comment on column reporting.backlog.state is 'State of the request.';
comment on column reporting.backlog.state_meaning is 'The state in plain words.';
comment on column reporting.backlog.reason is 'Why it waits, in plain words.';
comment on column reporting.backlog.priority is '1 urgent, 2 normal, 3 low.';
comment on column reporting.backlog.channel is 'Where the customer asked.';
comment on column reporting.backlog.received_at is 'When it was entered.';
comment on column reporting.backlog.due_at is 'When it should be finished.';
comment on column reporting.backlog.not_before is 'Not tried before this time.';
comment on column reporting.backlog.seconds_waiting is 'Seconds since it was entered.';

create view reporting.failures as
select
    a.id as attempt_id,
    a.request_id,
    b.portal,
    a.ended_at,
    a.ended_as,
    a.request_state,
    a.reason_code,
    x.class as reason_class,
    x.plain_words as reason
from billcopy.attempts as a
inner join billcopy.bot_runs as b on a.bot_run_id = b.id
inner join billcopy.reasons as x on a.reason_code = x.code
where a.ended_at is not null;

comment on view reporting.failures is 'Attempts that ended with a reason, whether or not a later one succeeded.';
comment on column reporting.failures.attempt_id is 'Number of the attempt.';
comment on column reporting.failures.request_id is 'The request it was for.';
comment on column reporting.failures.portal is 'Name of the portal.';
comment on column reporting.failures.ended_at is 'When it ended.';
comment on column reporting.failures.ended_as is 'settled, retried, released, deferred, held or rescued.';
comment on column reporting.failures.request_state is 'State of the request after it.';
comment on column reporting.failures.reason_code is 'Code of the reason.';
comment on column reporting.failures.reason_class is 'Class of the reason.';
comment on column reporting.failures.reason is 'The reason in plain words.';
