-- 0011 When a lease was renewed.
-- How long a bot has been silent does not follow from the end of its lease.
-- The attempt's deadline cuts that short, and an operator may change its length meanwhile.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

alter table requests add column lease_renewed_at timestamptz;

comment on column requests.lease_renewed_at is 'The last sign of life of the bot that has it in hand.';
