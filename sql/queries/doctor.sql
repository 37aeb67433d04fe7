-- database_health
-- What any login may ask of a server: its clock and its version.
select
    clock_timestamp() as now,
    current_setting('server_version_num')::integer as version,
    current_setting('server_version') as version_text;

-- logged_statements
-- From which level on the server's log keeps the statement of an error, per login that handles personal data.
select
    r.rolname as login,
    coalesce(
        (
            select split_part(c, '=', 2)
            from pg_catalog.pg_db_role_setting as s cross join unnest(s.setconfig) as c
            inner join pg_catalog.pg_database as d on d.datname = current_database()
            where s.setrole in (r.oid, 0) and s.setdatabase in (d.oid, 0) and c like 'log_min_error_statement=%%'
            order by s.setrole desc, s.setdatabase desc limit 1
        ),
        (
            -- What the asking login itself was given hides what holds for the others; then the strictest guess.
            select case when g.source in ('user', 'database user') then g.boot_val else g.setting end
            from pg_catalog.pg_settings as g where g.name = 'log_min_error_statement'
        )
    ) as level
from pg_catalog.pg_roles as r
where r.rolname in ('billcopy_desk', 'billcopy_bot', 'billcopy_ops')
order by r.rolname;
