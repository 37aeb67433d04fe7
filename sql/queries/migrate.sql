-- lock_migrations
-- One migration at a time, whoever starts it.
select pg_advisory_lock(hashtext('billcopy migrations'));

-- unlock_migrations
-- The lock would end with the connection, but the connection may live on.
select pg_advisory_unlock(hashtext('billcopy migrations'));

-- create_migrations_table
-- What has been applied, with the digest of its text.
create table if not exists public.billcopy_migrations (
    name text primary key,
    digest text not null,
    applied_at timestamptz not null default now()
);

-- applied_migrations
-- By name.
select
    name,
    digest
from public.billcopy_migrations;

-- record_migration
-- Also for the set of functions, views and roles, whose digest changes.
insert into public.billcopy_migrations (name, digest)
values (%(name)s, %(digest)s)
on conflict (name) do update set digest = excluded.digest, applied_at = now();

-- become_owner
-- For this transaction: what is made belongs to the owner.
set local role billcopy_owner;

-- server_version
-- As a number, 150004 for 15.4.
select current_setting('server_version_num')::integer as version;

-- become_migrator
-- Ends become_owner.
reset role;
