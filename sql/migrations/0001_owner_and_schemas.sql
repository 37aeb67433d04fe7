-- 0001 Owner and schemas.
-- Everything belongs to an owner that nobody logs in as, so that no login owns what it uses.

do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'billcopy_owner', 'billcopy_desk', 'billcopy_bot', 'billcopy_ops', 'billcopy_reporting'
    ] loop
        if not exists (select from pg_catalog.pg_roles as r where r.rolname = role_name) then
            execute format('create role %I nologin', role_name);  -- LOGIN and password: the DBA's
        end if;
    end loop;
    execute format('revoke connect, temporary on database %I from public', current_database());
    execute format(
        'grant connect on database %I to billcopy_desk, billcopy_bot, billcopy_ops, billcopy_reporting',
        current_database()
    );
end
$$;

grant billcopy_owner to current_user;
create schema billcopy authorization billcopy_owner;
create schema reporting authorization billcopy_owner;

comment on schema billcopy is 'The queue: requests, deliveries and everything that happened to them.';
comment on schema reporting is 'Views without personal data; the one door for reports.';
