-- 0006 Alarms, reconciliation, signs of life.
-- Whoever must act is told once, reminded, and told when it is over; the bank's log is held against ours.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

create table alarms (
    id bigint generated always as identity primary key,
    condition text not null,
    key text not null,
    severity text not null check (severity in ('critical', 'warning')),
    text text not null,
    next_action text not null,
    runbook text not null,
    opened_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    constraint an_acknowledgement_says_who check ((acknowledged_at is null) = (acknowledged_by is null))
);

comment on table alarms is 'A condition that somebody must do something about; without personal data.';
comment on column alarms.key is 'What it is about: a portal, a request, a volume; empty: everything.';
comment on column alarms.runbook is 'Heading of docs/operations.md that says what to do.';

create unique index one_open_alarm_per_condition_and_key on alarms (condition, key) where closed_at is null;
create index alarms_by_condition_and_key on alarms (condition, key) where acknowledged_at is not null;

create table alarm_notices (
    id bigint generated always as identity primary key,
    alarm_id bigint not null references alarms on delete cascade,
    channel text not null,
    kind text not null check (kind in ('alarm', 'reminder', 'all_clear')),
    made_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    tries integer not null default 0,
    last_error text
);

comment on table alarm_notices is 'What each channel is to be told; tried again at every pass until it was sent.';
create index alarm_notices_to_send on alarm_notices (channel, id) where sent_at is null;
create index alarm_notices_by_alarm on alarm_notices (alarm_id, id);

create table signs_of_life (
    program text primary key,
    seen_at timestamptz not null default clock_timestamp()
);

comment on table signs_of_life is 'When a program last said that it works.';
insert into signs_of_life (program) values ('scheduler');  -- silence is counted from here

create table reconciliations (
    id bigint generated always as identity primary key,
    portal text not null references portals,
    since timestamptz not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    complete boolean,
    whole_log boolean,
    rows_read integer,
    deliveries_checked integer,
    deliveries_unchecked integer,
    bot_run_id bigint not null references bot_runs,
    constraint a_finished_reconciliation_says_what_it_saw check (
        num_nulls(finished_at, complete, whole_log, rows_read, deliveries_checked, deliveries_unchecked) in (0, 6)
    )
);

comment on table reconciliations is 'A comparison of the bank''s sent log with our deliveries, both ways.';
comment on column reconciliations.complete is 'Whether all of the log that was asked for could be read.';
comment on column reconciliations.whole_log is 'Whether the portal has one log for everything our user sent.';
create index reconciliations_by_portal on reconciliations (portal, id);

create table reconciliation_findings (
    id bigint generated always as identity primary key,
    portal text not null references portals,
    kind text not null check (kind in ('row_without_delivery', 'delivery_without_row', 'row_twice')),
    subject text not null,
    invoice_number text not null,
    sent_at timestamptz,
    recipient_masked text,
    delivery_id bigint references deliveries on delete cascade,
    request_id bigint references requests on delete cascade,
    found_at timestamptz not null default clock_timestamp(),
    found_by bigint not null references reconciliations,
    last_found_at timestamptz not null default clock_timestamp(),
    gone_at timestamptz,
    looked_after_at timestamptz,
    looked_after_by text,
    looked_after_reason text,
    constraint a_finding_is_told_once unique (portal, kind, subject),
    constraint looked_after_says_who_and_why check (num_nulls(looked_after_at, looked_after_by, looked_after_reason) in (0, 3))
);

comment on table reconciliation_findings is 'Orphans, and bills that the bank''s log shows twice.';
comment on column reconciliation_findings.subject is 'The log''s row, or the number of the delivery.';
comment on column reconciliation_findings.gone_at is 'When a later look no longer found it so.';

-- What is asked every minute is found without reading everything.
create index deliveries_by_confirmation on deliveries (portal, confirmed_at) where state = 'confirmed';
create index attempts_rescued on attempts (ended_at) where ended_as = 'rescued';

alter table credential_reads add column expires_at timestamptz;

comment on column credential_reads.expires_at is 'When the password expires, if Vault says so.';

alter table events drop constraint events_entity_check;
alter table events add constraint events_entity_check
check (entity in ('request', 'delivery', 'portal', 'bot_run', 'alarm'));

reset role;

do $$
begin
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = 'billcopy_watch') then
        create role billcopy_watch nologin;  -- LOGIN and password: the DBA's
    end if;
    execute format('grant connect on database %I to billcopy_watch', current_database());
end
$$;
