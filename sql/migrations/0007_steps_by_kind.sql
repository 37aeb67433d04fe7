-- 0007 Steps by kind.
-- What the bot did stands beside its checkpoints: every keyword with its time, and where it stopped.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

alter table steps add column kind text not null default 'checkpoint'
check (kind in ('checkpoint', 'keyword', 'failure'));
alter table steps add constraint a_step_is_short check (octet_length(detail::text) <= 16384);

comment on column steps.kind is
'checkpoint: durable at once. keyword, failure: written together when the attempt ends.';
comment on table steps is 'What the bot did, in its own words: its checkpoints, its keywords, where it stopped.';
