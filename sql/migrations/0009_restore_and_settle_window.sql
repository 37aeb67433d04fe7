-- 0009 What a restored copy does not know, and a settle window that is long enough.
-- A copy put back from a backup believes bills unsent that were sent after it was taken.
-- Until the bank's own log has spoken, such a delivery is in doubt like any other that may have been sent.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

insert into reasons (code, class, plain_words) values
('RESTORED', 'refused', 'The queue was restored from a backup; the bank''s log is read before anything is sent.'),
('SENT_BY_HAND', 'person', 'A person sent it by hand, in the bank''s portal.');

insert into delivery_transitions (from_state, to_state, meaning) values
('planned', 'in_doubt', 'the queue was restored from a backup: it may have been sent after that was made');

alter table portals
add column restored_at timestamptz,
add column restored_since timestamptz,
add column send_processing interval not null default '30 seconds' check (send_processing >= '0'),
add constraint a_restore_says_since_when check (
    (restored_at is null) = (restored_since is null) and restored_since <= restored_at
);

comment on column portals.restored_at is 'When a person said that the queue had been restored from a backup.';
comment on column portals.restored_since is 'Since when the restored queue may not know what was sent.';
comment on column portals.send_processing is
'The longest the bank takes from Send to the e-mail; the lag of its sent log comes on top.';

-- Windows that were too short grow; a longer one costs only waiting.
update portals set settle_window = click_budget + send_processing + interval '10 seconds'
where settle_window < click_budget + send_processing;

alter table portals add constraint a_settle_window_outlasts_a_click
check (click_budget + send_processing <= settle_window);
