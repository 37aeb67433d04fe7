-- 0005 Breaker, weekly windows, second chance.
-- A portal in trouble closes itself, says until when, and is tried with one request before it opens.
-- A bank's weekly maintenance is entered once. What failed is tried once more when the bank is quiet.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

insert into reasons (code, class, plain_words) values
('SEND_FORM_CHANGED', 'refused', 'The bank''s send form has changed; a person must look.'),
('TOO_MANY_ERRORS', 'refused', 'Too many requests in a row ended with an error.'),
('SECOND_CHANCE', 'waiting', 'Did not work so far; tried once more in the next quiet hours.');

alter table portals
add column breaker_portal_down_after integer not null default 3 check (breaker_portal_down_after > 0),
add column breaker_drift_after integer not null default 3 check (breaker_drift_after > 0),
add column breaker_errors_after integer not null default 5 check (breaker_errors_after > 0),
add column breaker_pause interval not null default '5 minutes' check (breaker_pause > '0'),
add column breaker_longest_pause interval not null default '2 hours',
add column breaker_openings integer not null default 0,
add column breaker_request_id bigint,
add column portal_down_in_a_row integer not null default 0,
add column drift_request_ids bigint [] not null default '{}',
add column error_request_ids bigint [] not null default '{}',
add column quiet_from time not null default '02:00',
add constraint the_longest_pause_is_no_shorter check (breaker_pause <= breaker_longest_pause);

comment on column portals.breaker_until is
'From then on one request is tried; null: a person closes the breaker.';
comment on column portals.breaker_openings is 'Openings in a row without a success; each doubles the pause.';
comment on column portals.breaker_request_id is
'Whose failure opened it; another one is tried first, so that one bad request keeps no portal closed.';
comment on column portals.drift_request_ids is 'Requests that met a changed send form since the last success.';
comment on column portals.error_request_ids is 'Requests that ended with an application error since the last success.';
comment on column portals.quiet_from is 'When the bank''s quiet hours begin, by the portal''s clock: time of the second chance.';

alter table requests
add column second_chance_at timestamptz,
add column looked_after_at timestamptz,
add column looked_after_by text,
add constraint looked_after_says_who check ((looked_after_at is null) = (looked_after_by is null));

comment on column requests.second_chance_at is 'From when on it may be tried once more; null: it had no second chance.';
comment on column requests.looked_after_at is 'When a person took it off the worklist.';

alter table maintenance_windows
alter column starts_at drop not null,
alter column ends_at drop not null,
add column time_zone text not null default 'UTC',
add column weekday smallint check (weekday between 1 and 7),
add column local_start time,
add column local_end time,
add column lasts interval check (lasts > '0' and lasts <= '7 days'),
add column valid_from date,
add column valid_to date,
add column entered_at timestamptz not null default now(),
add column removed_at timestamptz,
add column removed_by text,
add constraint a_window_is_one_off_or_weekly check (
    case
        when weekday is null
            then
                starts_at is not null and ends_at is not null
                and num_nonnulls(local_start, local_end, lasts, valid_from, valid_to) = 0
        else
            num_nonnulls(starts_at, ends_at) = 0 and local_start is not null
            and num_nonnulls(local_end, lasts) = 1 and valid_from is not null
    end
),
add constraint a_removed_window_says_who check ((removed_at is null) = (removed_by is null));

comment on column maintenance_windows.weekday is '1 Monday to 7 Sunday, by the clock of time_zone; null: one-off.';
comment on column maintenance_windows.lasts is 'How long, whatever the clocks do meanwhile; else local_end.';
comment on column maintenance_windows.local_end is 'When it ends by the clock there; not after local_start: the next day.';
