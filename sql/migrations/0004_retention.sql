-- 0004 Retention.
-- Personal data go when their time is over, the masked trail stays; a legal hold stops the clock.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

alter table requests
add column legal_hold_at timestamptz,
add column legal_hold_by text,
add column legal_hold_reason text,
add column erasure_demanded_at timestamptz,
alter column account_hmac drop not null,
add constraint a_legal_hold_says_who_and_why check (
    num_nulls(legal_hold_at, legal_hold_by, legal_hold_reason) in (0, 3)
),
add constraint an_open_request_knows_its_account check (finished_at is not null or account_hmac is not null);

comment on column requests.legal_hold_at is 'Since then nothing of it is erased, whatever its age.';
comment on column requests.erasure_demanded_at is
'The customer asked for erasure: its evidence goes at once, not when its time is over.';
comment on column requests.account_hmac is
'Tells requests of one account; null once erased and no longer needed against a second e-mail.';

alter table evidence add column erased_at timestamptz;

comment on column evidence.erased_at is 'When its file was deleted; address and digest stay.';

-- What is left to do is small beside what was done: each pass finds it without reading the rest.
create index subjects_to_erase on request_subjects (request_id) where erased_at is null;
create index evidence_to_erase on evidence (id) where erased_at is null;
create index account_keys_to_erase on requests (finished_at, id) where finished_at is not null and account_hmac is not null;
