-- 0003 Tables.
-- Columns stand in the order in which a person who types "select *" wants to read them.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

create table hmac_keys (
    id integer primary key default 1 check (id = 1),
    key bytea not null check (length(key) = 64)
);

comment on table hmac_keys is 'The key of account_hmac and recipient_hmac; readable by the owner alone.';

insert into hmac_keys (key) values (
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
    || sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);

create table portals (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    title text not null,
    account_pattern text not null,
    account_example text not null,
    recipient_policy text not null check (recipient_policy in ('on_file', 'request', 'either')),
    time_zone text not null,
    stopped_at timestamptz,
    stopped_by text,
    stop_reason text,
    breaker_opened_at timestamptz,
    breaker_until timestamptz,
    breaker_reason text references reasons,
    breaker_detail text,
    breaker_secret_version integer,
    max_invoices_per_request integer not null default 24 check (max_invoices_per_request > 0),
    max_mails_per_recipient_a_day integer not null default 30 check (max_mails_per_recipient_a_day > 0),
    max_mails_a_day integer check (max_mails_a_day > 0),
    max_period_months integer not null default 24 check (max_period_months > 0),
    max_attempts integer not null default 3 check (max_attempts > 0),
    max_rescues integer not null default 10 check (max_rescues > 0),
    max_looks integer not null default 2 check (max_looks > 0),
    max_tries integer not null default 2 check (max_tries > 0),
    backoff interval [] not null default array['1 minute', '5 minutes', '15 minutes']::interval []
    check (cardinality(backoff) > 0),
    backoff_jitter numeric not null default 0.2 check (backoff_jitter between 0 and 1),
    lease interval not null default '120 seconds' check (lease > '0'),
    renew_every interval not null default '30 seconds' check (renew_every > '0'),
    attempt_deadline interval not null default '10 minutes' check (attempt_deadline > '0'),
    click_budget interval not null default '20 seconds' check (click_budget > '0'),
    rescue_grace interval not null default '30 seconds' check (rescue_grace >= '0'),
    settle_window interval not null default '120 seconds' check (settle_window >= '1 second'),
    duplicate_window interval not null default '30 days' check (duplicate_window >= '0'),
    expires_after interval not null default '30 days' check (expires_after > '0'),
    constraint a_stopped_portal_says_who_and_why
    check ((stopped_at is null) = (stopped_by is null) and (stopped_at is null) = (stop_reason is null)),
    constraint an_open_breaker_says_why check ((breaker_opened_at is null) = (breaker_reason is null)),
    constraint a_click_fits_into_a_lease_about_to_be_renewed check (click_budget + renew_every < lease),
    constraint a_lease_fits_into_an_attempt check (lease <= attempt_deadline)
);

comment on table portals is 'One row per portal folder: its switches, limits and timings.';
comment on column portals.backoff is 'Wait after the first, second, … application error; the last one repeats.';
comment on column portals.max_tries is
'How often one invoice may be clicked; if the log never shows it, people decide.';
comment on column portals.settle_window is 'After this, a complete look at the log that finds nothing proves absence.';

create table requests (
    id bigint generated always as identity primary key,
    state text not null default 'queued' references request_states,
    reason_code text references reasons,
    portal text not null references portals,
    reference text,
    account_masked text not null,
    period_from date not null,
    period_to date not null,
    recipient_masked text,
    priority smallint not null default 2 check (priority between 1 and 3),
    received_at timestamptz not null default now(),
    not_before timestamptz not null default now(),
    due_at timestamptz,
    finished_at timestamptz,
    attempts smallint not null default 0 check (attempts >= 0),
    rescues smallint not null default 0 check (rescues >= 0),
    looks smallint not null default 0 check (looks >= 0),
    cancel_requested_at timestamptz,
    cancel_requested_by text,
    requested_by text not null,
    channel text not null,
    source text not null,
    source_key text not null,
    resend_reason text,
    limit_waived text references reasons,
    limit_waived_by text,
    lease_bot_run_id bigint,
    lease_epoch bigint not null default 0,
    lease_until timestamptz,
    deadline_at timestamptz,
    look_only boolean not null default false,
    account_hmac bytea not null,
    recipient_hmac bytea,
    constraint a_period_ends_after_it_begins check (period_from <= period_to),
    constraint a_source_key_enters_once unique (source, source_key),
    constraint a_lease_is_on_the_request_in_hand check (
        (state = 'claimed') = (lease_bot_run_id is not null)
        and (state = 'claimed') = (lease_until is not null)
        and (state = 'claimed') = (deadline_at is not null)
    ),
    constraint finished_when_final check (
        (finished_at is not null) = (state in ('delivered', 'partial', 'rejected', 'failed', 'cancelled'))
    ),
    constraint a_waiver_says_who check ((limit_waived is null) = (limit_waived_by is null)),
    constraint a_cancel_says_who check ((cancel_requested_at is null) = (cancel_requested_by is null))
);

comment on column requests.attempts is 'Tries that ended with an application error.';
comment on column requests.rescues is 'Times it was taken back from a bot that had stopped.';
comment on column requests.looks is 'Claims that looked after the settle window and left it in doubt.';
comment on column requests.limit_waived is 'The limit that held it and was waived by who released it.';

create unique index one_open_request_per_ask on requests (
    portal, account_hmac, period_from, period_to, recipient_hmac
) nulls not distinct where state in ('queued', 'claimed', 'held');
create index requests_to_claim on requests (portal, priority, not_before, id) where state = 'queued';
create index requests_in_hand on requests (lease_until) where state = 'claimed';
create index requests_by_arrival on requests (received_at);

create table request_subjects (
    request_id bigint primary key references requests on delete cascade,
    account text,
    recipient text,
    recipients_read jsonb not null default '{}',
    check_value text,
    erased_at timestamptz,
    constraint erased_means_empty check (
        (erased_at is null) = (account is not null)
        and (erased_at is null or (recipient is null and recipients_read = '{}' and check_value is null))
    )
);

comment on table request_subjects is 'The only place with account number, recipient and check value.';
comment on column request_subjects.recipients_read is 'The address that the bank''s form showed, by delivery.';

create table bot_runs (
    id bigint generated always as identity primary key,
    portal text not null references portals,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    stop_reason text,
    claimed integer not null default 0,
    blocked_requests integer,
    request_limit integer not null check (request_limit > 0),
    request_ids bigint [],
    received_from timestamptz,
    received_to timestamptz,
    dag_run_id text,
    actor text not null,
    host text not null,
    boot_id text not null,
    process_group integer not null,
    process_started_at double precision not null,
    versions jsonb not null default '{}',
    constraint a_finished_bot_run_says_why check ((finished_at is null) = (stop_reason is null))
);

comment on column bot_runs.process_started_at is
'Start of the process group''s leader, in clock ticks since boot: with boot_id it tells a reused pid.';
comment on column bot_runs.blocked_requests is 'Requests that the guard in the browser refused.';
create index bot_runs_by_dag_run on bot_runs (dag_run_id);

alter table requests add foreign key (lease_bot_run_id) references bot_runs;

create table attempts (
    id bigint generated always as identity primary key,
    request_id bigint not null references requests on delete cascade,
    bot_run_id bigint not null references bot_runs,
    epoch bigint not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    ended_as text check (ended_as in ('settled', 'retried', 'released', 'deferred', 'held', 'rescued')),
    request_state text references request_states,
    reason_code text references reasons,
    detail text,
    look_only boolean not null,
    unique (request_id, epoch),
    constraint an_ended_attempt_says_how check (
        (ended_at is null) = (ended_as is null) and (ended_at is null) = (request_state is null)
    )
);

create index attempts_by_bot_run on attempts (bot_run_id);

create table deliveries (
    id bigint generated always as identity primary key,
    request_id bigint not null references requests on delete cascade,
    state text not null default 'planned' references delivery_states,
    reason_code text references reasons,
    portal text not null references portals,
    invoice_number text not null check (invoice_number <> ''),
    invoice_date date not null,
    kind text not null,
    recipient_masked text,
    planned_at timestamptz not null default now(),
    tries smallint not null default 0,
    sending_at timestamptz,
    clicked_at timestamptz,
    confirmed_at timestamptz,
    absent_at timestamptz,
    screen_confirmation text,
    proof_kind text check (proof_kind in ('sent_log', 'invoice_note', 'screen', 'person')),
    proof_value text,
    sending_epoch bigint,
    recipient_hmac bytea,
    unique (request_id, invoice_number),
    constraint a_proof_proves_one_delivery unique (portal, proof_kind, proof_value),
    constraint confirmed_means_proven check (
        (state = 'confirmed') = (proof_kind is not null and proof_value is not null and confirmed_at is not null)
    ),
    constraint sending_says_when_and_to_whom check (
        state not in ('sending', 'in_doubt')
        or (sending_at is not null and sending_epoch is not null and recipient_hmac is not null)
    )
);

comment on column deliveries.absent_at is 'The last complete look at the bank''s log that did not find it.';

create unique index one_delivery_under_way_per_invoice_and_recipient on deliveries (
    portal, invoice_number, recipient_hmac
) where state in ('sending', 'in_doubt');
create index deliveries_sent_before on deliveries (portal, invoice_number, recipient_hmac)
where state in ('confirmed', 'failed');
create index deliveries_to_a_recipient on deliveries (portal, recipient_hmac, sending_at)
where sending_at is not null;

create table doubt_decisions (
    id bigint generated always as identity primary key,
    delivery_id bigint not null references deliveries on delete cascade,
    decision text not null check (decision in ('sent', 'not_sent', 'give_up')),
    reason text not null,
    asked_by text not null,
    asked_at timestamptz not null default now(),
    approved_by text,
    approved_at timestamptz,
    constraint two_people_decide check (approved_by <> asked_by),
    constraint an_approval_says_when check ((approved_by is null) = (approved_at is null))
);

create unique index one_open_decision_per_delivery on doubt_decisions (delivery_id) where approved_at is null;

create table events (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    entity text not null check (entity in ('request', 'delivery', 'portal', 'bot_run')),
    entity_id text not null,
    request_id bigint,
    event text not null,
    from_state text,
    to_state text,
    reason_code text,
    reason text,
    actor text not null,
    db_role text not null default session_user,
    detail jsonb not null default '{}'
);

comment on table events is 'Append-only: every change of state and every decision of a person.';
create index events_by_request on events (request_id, id);

create table steps (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    request_id bigint not null references requests on delete cascade,
    attempt_id bigint not null references attempts on delete cascade,
    delivery_id bigint references deliveries on delete cascade,
    step text not null,
    detail jsonb not null default '{}'
);

comment on table steps is 'The bot''s checkpoints, in its own words.';
create index steps_by_request on steps (request_id, id);

create table evidence (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    request_id bigint not null references requests on delete cascade,
    delivery_id bigint references deliveries on delete cascade,
    kind text not null,
    url text not null,
    digest text not null
);

create index evidence_by_request on evidence (request_id, id);

create table maintenance_windows (
    id bigint generated always as identity primary key,
    portal text not null references portals,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    reason text not null,
    entered_by text not null,
    constraint a_window_ends_after_it_begins check (starts_at < ends_at)
);

create index maintenance_windows_by_portal on maintenance_windows (portal, ends_at);

create table credential_reads (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    bot_run_id bigint not null references bot_runs,
    portal text not null references portals,
    path text not null,
    version integer not null,
    outcome text not null check (outcome in ('read', 'accepted', 'refused'))
);

comment on table credential_reads is 'Every read of a portal''s password from Vault, with its version.';
