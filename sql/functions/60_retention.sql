-- Retention: personal data go when their time is over, the masked trail stays.
-- How long is a setting; it comes in with each call.

create or replace function billcopy.stays_because(p_request billcopy.requests) returns text
language sql stable set search_path = billcopy, pg_temp as $$
    -- Why nothing of a request may be erased: legal_hold, open, under_way; null: it may be.
    select case
        when p_request.legal_hold_at is not null then 'legal_hold'
        when p_request.finished_at is null then 'open'
        when exists (
            select from deliveries as d where d.request_id = p_request.id and d.state in ('sending', 'in_doubt')
        ) then 'under_way'
    end
$$;

create or replace function billcopy.erase_request(p_request billcopy.requests) returns boolean
language plpgsql set search_path = billcopy, pg_temp as $$
-- Erases account, recipient and check value, and every text in which a person or a page may have named a
-- customer. Numbers, times, states, reason codes and who acted stay. False: it was erased before.
begin
    update request_subjects as s set account = null, recipient = null, recipients_read = '{}', check_value = null,
        erased_at = clock_timestamp() where s.request_id = p_request.id and s.erased_at is null;
    if not found then
        return false;
    end if;
    update requests set reference = null, resend_reason = case when resend_reason is not null then '(erased)' end
    where id = p_request.id and num_nonnulls(reference, resend_reason) > 0;
    update attempts set detail = '(erased)' where request_id = p_request.id and detail is not null;
    update deliveries set screen_confirmation = '(erased)' where request_id = p_request.id and screen_confirmation is not null;
    update doubt_decisions as x set reason = '(erased)' from deliveries as d
    where x.delivery_id = d.id and d.request_id = p_request.id;
    update reconciliation_findings as f set looked_after_reason = '(erased)'
    where f.request_id = p_request.id and f.looked_after_reason is not null;
    update portals set breaker_detail = '(erased)' where breaker_request_id = p_request.id and breaker_detail is not null;
    delete from steps where request_id = p_request.id and kind <> 'checkpoint';
    update events set reason = '(erased)' where request_id = p_request.id and reason <> '(erased)';
    perform record_event('request', p_request.id::text, 'subject erased', p_request.id);
    return true;
end
$$;

create or replace function billcopy.erase_subject(p_request_id bigint, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Erases the personal data of one finished request at once; the masked trail stays.
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    case stays_because(request)
        when 'legal_hold' then
            raise exception using errcode = 'BC002',
                message = format('request %s is on legal hold, by %s', request.id, request.legal_hold_by);
        when 'open' then
            raise exception using errcode = 'BC002',
                message = format('request %s is %s; only a finished one can be erased', request.id, request.state);
        when 'under_way' then
            raise exception using errcode = 'BC002', message = format('request %s: a delivery may still be under way', request.id);
        else
            perform erase_request(request);
    end case;
end
$$;

create or replace function billcopy.set_legal_hold(p_request_id bigint, p_actor text, p_reason text) returns boolean
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Nothing of this request is erased from now on. Says whether its personal data are still there.
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if request.legal_hold_at is not null then
        raise exception using errcode = 'BC002',
            message = format('request %s is on legal hold already, by %s', request.id, request.legal_hold_by);
    end if;
    update requests set legal_hold_at = clock_timestamp(), legal_hold_by = p_actor, legal_hold_reason = p_reason where id = request.id;
    perform record_event('request', request.id::text, 'legal hold set', request.id);
    return (select s.erased_at is null from request_subjects as s where s.request_id = request.id);
end
$$;

create or replace function billcopy.lift_legal_hold(p_request_id bigint, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The usual times count again, from when the request finished.
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if request.legal_hold_at is null then
        raise exception using errcode = 'BC002', message = format('request %s is not on legal hold', request.id);
    end if;
    update requests set legal_hold_at = null, legal_hold_by = null, legal_hold_reason = null where id = request.id;
    perform record_event('request', request.id::text, 'legal hold lifted', request.id);
end
$$;

create or replace function billcopy.keys_are_due(p_request billcopy.requests, p_subject_age interval default null) returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    -- Its hashes say no more whom a bill was sent to lately: erased, and past the duplicate window. Until
    -- its evidence is gone, too, the account must be found by whoever repeats an erasure.
    -- With p_subject_age: or will be, once a pass has erased what is older, and the evidence.
    select p_request.account_hmac is not null
        and exists (
            select from request_subjects as s where s.request_id = p_request.id
            and (s.erased_at is not null or p_request.finished_at < clock_timestamp() - p_subject_age)
        )
        and (p_subject_age is not null or not exists (
            select from evidence as v where v.request_id = p_request.id and v.erased_at is null
            and p_request.erasure_demanded_at is not null
        ))
        and greatest(p_request.finished_at, (
            select max(greatest(d.sending_at, d.confirmed_at)) from deliveries as d where d.request_id = p_request.id
        )) < clock_timestamp() - p.duplicate_window
    from portals as p where p.name = p_request.portal
$$;

create or replace function billcopy.evidence_is_due(p_request billcopy.requests, p_age interval) returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    select p_request.finished_at < clock_timestamp() - p_age
        or p_request.finished_at is not null and p_request.erasure_demanded_at is not null
$$;

create or replace function billcopy.retention_due(p_subject_age interval, p_evidence_age interval)
returns table (place text, due bigint, held bigint)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What a pass would erase now, and what only a legal hold (or a delivery under way) keeps.
    select 'subjects', count(*) filter (where stays_because(r) is null), count(*) filter (where stays_because(r) is not null)
    from request_subjects as s inner join requests as r on s.request_id = r.id
    where s.erased_at is null and r.finished_at < clock_timestamp() - p_subject_age
    union all
    select 'keys', count(*) filter (where stays_because(r) is null), count(*) filter (where stays_because(r) is not null)
    from requests as r where r.account_hmac is not null and r.finished_at is not null and keys_are_due(r, p_subject_age)
    union all
    select 'evidence', count(*) filter (where stays_because(r) is null), count(*) filter (where stays_because(r) is not null)
    from evidence as v inner join requests as r on v.request_id = r.id
    where v.erased_at is null and evidence_is_due(r, p_evidence_age)
$$;

create or replace function billcopy.erase_due_subjects(p_age interval, p_limit integer, p_actor text, p_reason text) returns integer
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- One batch of finished requests older than p_age; says how many. 0: nothing is left to do.
declare
    request requests;
    n integer := 0;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    for request in
        select r.* from request_subjects as s inner join requests as r on s.request_id = r.id
        where s.erased_at is null and r.finished_at < clock_timestamp() - p_age and stays_because(r) is null
        order by r.id limit p_limit for update of r skip locked
    loop
        n := n + erase_request(request)::integer;
    end loop;
    return n;
end
$$;

create or replace function billcopy.erase_due_keys(p_limit integer, p_actor text, p_reason text) returns integer
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- One batch of erased requests whose account and recipient could still be tested by whoever guesses them.
declare
    request requests;
    n integer := 0;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    for request in
        select r.* from requests as r
        where r.account_hmac is not null and r.finished_at is not null and stays_because(r) is null and keys_are_due(r)
        order by r.finished_at, r.id limit p_limit for update skip locked
    loop
        update deliveries set recipient_hmac = null where request_id = request.id and recipient_hmac is not null;
        update requests set account_hmac = null, recipient_hmac = null where id = request.id;
        perform record_event('request', request.id::text, 'keys erased', request.id);
        n := n + 1;
    end loop;
    return n;
end
$$;

create or replace function billcopy.take_due_evidence(p_age interval, p_request_ids bigint [], p_after bigint, p_limit integer)
returns table (evidence_id bigint, url text)
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- One batch whose files are to be deleted. Its requests stay locked until the transaction ends, so that
    -- no legal hold is set on what is being deleted.
    select v.id, v.url from evidence as v inner join requests as r on v.request_id = r.id
    where v.erased_at is null and v.id > p_after and evidence_is_due(r, p_age) and stays_because(r) is null
    and (p_request_ids is null or r.id = any(p_request_ids))
    order by v.id limit p_limit for update of r skip locked
$$;

create or replace function billcopy.mark_evidence_erased(p_evidence_ids bigint [], p_actor text, p_reason text) returns integer
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Their files are gone. Refused for what must stay; once per request it is told in its history.
declare
    request record;
    n integer := 0;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    for request in
        select r.id, stays_because(r) as stays, count(*) as pieces, array_agg(v.id) as evidence_ids
        from evidence as v inner join requests as r on v.request_id = r.id
        where v.id = any(p_evidence_ids) and v.erased_at is null group by r.id order by r.id
    loop
        if request.stays is not null then
            raise exception using errcode = 'BC005', message = format('request %s: its evidence must stay (%s)', request.id, request.stays);
        end if;
        update evidence set erased_at = clock_timestamp() where id = any(request.evidence_ids);
        perform record_event('request', request.id::text, 'evidence erased', request.id,
            p_detail => jsonb_build_object('pieces', request.pieces));
        n := n + request.pieces;
    end loop;
    return n;
end
$$;

create or replace function billcopy.evidence_to_keep(p_urls text [], p_request_ids bigint []) returns setof text
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Of files in the store, named with the request they belong to: those that a row still needs, or whose
    -- request must stay. The others are left over, from a bot that died before it wrote the row, or from a
    -- database that was put back.
    select f.url from unnest(p_urls, p_request_ids) as f (url, request_id) inner join requests as r on f.request_id = r.id
    where stays_because(r) is not null
    or exists (select from evidence as v where v.request_id = r.id and v.url = f.url and v.erased_at is null)
$$;

create or replace function billcopy.bot_runs_to_keep() returns setof bigint
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Bot runs that worked on a request on legal hold, or have not ended.
    select a.bot_run_id from attempts as a inner join requests as r on a.request_id = r.id where r.legal_hold_at is not null
    union
    select b.id from bot_runs as b where b.finished_at is null and b.started_at > clock_timestamp() - interval '1 day'
$$;

create or replace function billcopy.requests_of(p_portal text, p_account text) returns setof billcopy.requests
language plpgsql stable set search_path = billcopy, pg_temp as $$
-- Every request of one account that can still be told to be its own.
begin
    perform demand(coalesce(btrim(p_account), '') <> '', 'account', 'must be given');
    perform demand(p_portal is null or exists (select from portals as p where p.name = p_portal), 'portal', 'no portal is called so');
    return query select r.* from requests as r
    where r.account_hmac = hmac('account:' || btrim(p_account)) and (p_portal is null or r.portal = p_portal) order by r.id;
end
$$;

create or replace function billcopy.record_subject_asked(p_portal text, p_event text, p_requests bigint) returns void
language sql set search_path = billcopy, pg_temp as $$
    -- Also what found nothing is recorded; the account is not.
    select record_event('portal', coalesce(p_portal, '*'), p_event, p_detail => jsonb_build_object('requests', p_requests))
$$;

create or replace function billcopy.export_subject(p_portal text, p_account text, p_actor text, p_reason text) returns jsonb
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Everything held about one account, in clear, for the customer whose it is; who asked and why is recorded.
declare
    request requests;
    told jsonb := '[]';
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    for request in select r.* from requests_of(p_portal, p_account) as r loop
        perform record_event('request', request.id::text, 'subject exported', request.id);
        told := told || jsonb_build_array(story(request.id) || jsonb_build_object('subject', (
            select to_jsonb(s) - 'request_id' from request_subjects as s where s.request_id = request.id)));
    end loop;
    perform record_subject_asked(p_portal, 'subject exported', jsonb_array_length(told));
    return told;
end
$$;

create or replace function billcopy.erase_subjects_of(p_portal text, p_account text, p_actor text, p_reason text)
returns table (request_id bigint, outcome text)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Erases an account's finished requests at once and marks their evidence; each with its outcome: erased,
-- erased_before, or why it stays: open, legal_hold, under_way.
declare
    request requests;
    n bigint := 0;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    for request in select r.* from requests_of(p_portal, p_account) as r loop
        request := request_for_change(request.id);
        request_id := request.id;
        outcome := stays_because(request);
        if outcome is null then
            update requests set erasure_demanded_at = clock_timestamp()
            where id = request.id and erasure_demanded_at is null;
            outcome := case when erase_request(request) then 'erased' else 'erased_before' end;
        end if;
        n := n + 1;
        return next;
    end loop;
    perform record_subject_asked(p_portal, 'subject erased', n);
end
$$;
