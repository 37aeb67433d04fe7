-- Restore: what to do after the database was put back to an older state.

create or replace function billcopy.mark_restored(
    p_portal text, p_since timestamptz, p_actor text, p_reason text,
    out since timestamptz, out opens_at timestamptz, out taken_back integer, out waiting bigint
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Says that this database is a copy made at p_since. Nothing is claimed for a settle window, so that
-- the bank's log shows whatever was clicked last. From then on, and for as long as duplicates are
-- looked for, begin_delivery permits no click before the log has been looked at from `since` on.
-- Whoever still works from before the restore is shut out: no lease stays, and numbers are given out
-- far behind those that may have been in use, so that an old bot's number is nobody's.
declare
    place portals := portal_for_change(p_portal);
    request requests;
    v_ahead constant bigint := 100000;  -- more than is given out between two backups
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform demand(p_since <= clock_timestamp(), 'since', 'must not lie in the future');
    -- A copy knows nothing younger than its youngest event, whatever the person believes; and what an
    -- earlier restore has not cleared yet stays uncleared.
    since := least(
        p_since, (select max(e.at) from events as e),
        case when restore_counts(place) then place.restored_since end
    );
    taken_back := 0;
    for request in select r.* from requests as r where r.portal = place.name and r.state = 'claimed' order by r.id for update loop
        update requests as r set lease_until = '-infinity' where r.id = request.id;
        perform rescue_request(request.id, request.lease_epoch, p_actor);
        taken_back := taken_back + 1;
    end loop;
    perform act_as(p_actor, p_reason);
    update bot_runs as b set finished_at = clock_timestamp(), stop_reason = 'RESTORED'
    where b.portal = place.name and b.finished_at is null;
    perform setval(format('%I.%I', s.schemaname, s.sequencename)::regclass, coalesce(s.last_value, 0) + v_ahead)
    from pg_sequences as s where s.schemaname = 'billcopy';
    update portals as p set restored_at = clock_timestamp(), restored_since = mark_restored.since
    where p.name = place.name returning p.restored_at + p.settle_window into opens_at;
    select count(*) into waiting from requests as r where r.portal = place.name and r.state = 'queued';
    perform record_event('portal', p_portal, 'restored',
        p_detail => jsonb_build_object('since', mark_restored.since, 'asked_since', p_since, 'taken_back', taken_back));
end
$$;
