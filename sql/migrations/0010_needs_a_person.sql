-- 0010 What waits for a person, found at once.
-- The desk lists it and counts it at every look; among a million finished requests it is a few.
-- The table is written anew under a lock: about five seconds for a million requests, less than a lease.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

alter table requests add column needs_a_person boolean not null generated always as (
    state = 'held' or (state in ('failed', 'partial') and second_chance_at is not null and looked_after_at is null)
) stored;

comment on column requests.needs_a_person is
'Held, or failed though it had its second chance, and nobody has said that it is seen to.';

create index requests_needing_a_person on requests (id) where needs_a_person;
