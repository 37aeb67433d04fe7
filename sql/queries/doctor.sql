-- database_health
-- What any login may ask of a server: its clock and its version.
select
    clock_timestamp() as now,
    current_setting('server_version_num')::integer as version,
    current_setting('server_version') as version_text;
