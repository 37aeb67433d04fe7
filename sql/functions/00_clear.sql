-- Functions and reporting views are made anew as a whole, so that none outlives its file.

do $$
declare
    doomed text;
begin
    for doomed in
        select format('drop function if exists %s cascade', p.oid::regprocedure)
        from pg_catalog.pg_proc as p where p.pronamespace = 'billcopy'::regnamespace
        union all
        select format('drop view if exists %s cascade', c.oid::regclass)
        from pg_catalog.pg_class as c where c.relnamespace = 'reporting'::regnamespace and c.relkind = 'v'
    loop
        execute doomed;
    end loop;
end
$$;
