-- Desk: what a representative may do with requests.

create or replace function billcopy.demand(p_holds boolean, p_field text, p_rule text) returns void
language plpgsql immutable set search_path = billcopy, pg_temp as $$
-- Refuses a value, naming the field and the rule.
begin
    if p_holds is not true then
        raise exception using errcode = 'BC010', column = p_field, message = p_rule;
    end if;
end
$$;

create or replace function billcopy.submit_request(
    p_portal text, p_account text, p_period_from date, p_period_to date, p_recipient text, p_check_value text,
    p_reference text, p_channel text, p_source text, p_source_key text, p_priority smallint, p_due_at timestamptz,
    p_not_before timestamptz, p_resend_reason text, p_actor text,
    out request_id bigint, out entered boolean
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    portal portals;
    v_today date;
    v_recipient text := nullif(btrim(p_recipient), '');
    v_check text := nullif(btrim(p_check_value), '');
    v_twin bigint;
begin
    perform act_as(p_actor);
    perform demand(coalesce(p_source, '') ~ '^[a-z]{1,20}$', 'source', 'must be one lower-case word');
    perform demand(coalesce(p_source_key, '') ~ '^[[:graph:]]{1,200}$', 'source_key', 'must be given, up to 200 characters without spaces');
    select r.id into request_id from requests as r where r.source = p_source and r.source_key = p_source_key;
    if found then
        entered := false;
        return;
    end if;
    select p.* into portal from portals as p where p.name = p_portal;
    if not found then
        raise exception using errcode = 'BC010', column = 'portal', message = format(
            'no portal is called "%s"; there are: %s', left(p_portal, 40),
            coalesce((select string_agg(p.name, ', ' order by p.name) from portals as p), 'none')
        );
    end if;
    perform demand(p_account ~ format('^(?:%s)$', portal.account_pattern), 'account',
        format('is not an account number of %s (such as %s)', portal.title, portal.account_example));
    v_today := (now() at time zone portal.time_zone)::date;
    perform demand(p_period_from is not null, 'period_from', 'must be given');
    perform demand(p_period_to is not null, 'period_to', 'must be given');
    perform demand(p_period_from >= date '1990-01-01', 'period_from', 'must not lie before 1990');
    perform demand(p_period_to <= v_today, 'period_to', 'must not lie in the future');
    perform demand(p_period_from <= p_period_to, 'period_to', 'must not lie before period_from');
    perform demand(
        p_period_to < p_period_from + make_interval(months => portal.max_period_months), 'period_to',
        format('must lie within %s months of period_from', portal.max_period_months)
    );
    if v_recipient is not null then
        perform demand(portal.recipient_policy <> 'on_file', 'recipient', 'this portal sends to the address on file only');
        perform demand(v_recipient !~ '[[:cntrl:]]', 'recipient', 'must not contain line breaks or control characters');
        perform demand(
            length(v_recipient) <= 254
            and v_recipient ~ '^[^[:space:]@<>(),;:"\[\]\\]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$',
            'recipient', 'is not an e-mail address'
        );
        perform demand(v_check is not null, 'check_value', 'must be given with a recipient: the customer''s surname or postcode');
    else
        perform demand(portal.recipient_policy <> 'request', 'recipient', 'must be given: this portal has no address on file');
    end if;
    perform demand(v_check is null or (length(v_check) <= 80 and v_check !~ '[[:cntrl:]]'), 'check_value', 'at most 80 printable characters');
    perform demand(p_reference is null or (length(p_reference) <= 64 and p_reference !~ '[[:cntrl:]]'), 'reference', 'at most 64 printable characters');
    perform demand(p_resend_reason is null or (length(p_resend_reason) <= 200 and p_resend_reason !~ '[[:cntrl:]]'), 'resend_reason', 'at most 200 printable characters');
    perform demand(coalesce(p_channel, '') ~ '^[a-z]{1,20}$', 'channel', 'must be one lower-case word');
    perform demand(p_priority between 1 and 3, 'priority', 'must be 1 (urgent), 2 (normal) or 3 (low)');

    begin
        insert into requests (
            portal, reference, account_masked, period_from, period_to, recipient_masked, priority, not_before, due_at,
            requested_by, channel, source, source_key, resend_reason, account_hmac, recipient_hmac
        ) values (
            p_portal, nullif(btrim(p_reference), ''), masked_account(p_account), p_period_from, p_period_to,
            masked_recipient(v_recipient), p_priority, coalesce(p_not_before, now()), p_due_at, p_actor, p_channel,
            p_source, p_source_key, nullif(btrim(p_resend_reason), ''), hmac('account:' || p_account), recipient_key(v_recipient)
        ) returning id into request_id;
    exception when unique_violation then
        -- Another transaction entered the same source key, or the same ask is open.
        select r.id into request_id from requests as r where r.source = p_source and r.source_key = p_source_key;
        if found then
            entered := false;
            return;
        end if;
        select r.id into v_twin from requests as r
        where r.portal = p_portal and r.account_hmac = hmac('account:' || p_account)
        and r.period_from = p_period_from and r.period_to = p_period_to
        and r.recipient_hmac is not distinct from recipient_key(v_recipient) and r.state in ('queued', 'claimed', 'held');
        raise exception using errcode = 'BC004', detail = v_twin::text,
            message = format('the same request is open already, as request %s', v_twin);
    end;
    insert into request_subjects (request_id, account, recipient, check_value)
    values (submit_request.request_id, p_account, v_recipient, v_check);
    entered := true;
    perform pg_notify('billcopy_requests', p_portal);
end
$$;

create or replace function billcopy.request_for_change(p_request_id bigint) returns billcopy.requests
language plpgsql set search_path = billcopy, pg_temp as $$
-- Locks one request; raises where there is none.
declare
    request requests;
begin
    select r.* into request from requests as r where r.id = p_request_id for update;
    if not found then
        raise exception using errcode = 'BC003', message = format('there is no request %s', p_request_id);
    end if;
    return request;
end
$$;

create or replace function billcopy.cancel_request(p_request_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Cancels now, or marks it for the bot where it is in hand or something is in doubt.
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if request.state not in ('queued', 'claimed', 'held') then
        raise exception using errcode = 'BC002', message = format('request %s is %s already', request.id, request.state);
    end if;
    update requests set cancel_requested_at = coalesce(cancel_requested_at, now()),
        cancel_requested_by = coalesce(cancel_requested_by, p_actor) where id = request.id;
    perform record_event('request', request.id::text, 'cancel requested', request.id);
    if request.state <> 'claimed' and not exists (
        select from deliveries as d where d.request_id = request.id and d.state in ('sending', 'in_doubt')
    ) then
        perform close_request(request.id, null, null);
    end if;
    return (select r.state from requests as r where r.id = request.id);
end
$$;

create or replace function billcopy.hold_request(p_request_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if request.state <> 'queued' then
        raise exception using errcode = 'BC002', message = format('request %s is %s; only a queued one can be held', request.id, request.state);
    end if;
    update requests set state = 'held', reason_code = 'HELD_BY_PERSON' where id = request.id;
    return 'held';
end
$$;

create or replace function billcopy.release_request(p_request_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Puts a held request back; where a limit held it, the person who releases it waives the limit.
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if request.state <> 'held' then
        raise exception using errcode = 'BC002', message = format('request %s is %s, not held', request.id, request.state);
    end if;
    if request.reason_code = 'IN_DOUBT' and exists (
        select from deliveries as d where d.request_id = request.id and d.state in ('sending', 'in_doubt')
    ) then
        raise exception using errcode = 'BC002',
            message = format('request %s is in doubt; two people must decide its deliveries', request.id);
    end if;
    update requests set state = 'queued', reason_code = null, not_before = now(), attempts = 0, rescues = 0, looks = 0,
        second_chance_at = null, limit_waived = case when reason_code in ('TOO_MANY_INVOICES', 'TOO_MANY_MAILS') then reason_code end,
        limit_waived_by = case when reason_code in ('TOO_MANY_INVOICES', 'TOO_MANY_MAILS') then p_actor end
    where id = request.id;
    perform pg_notify('billcopy_requests', request.portal);
    return 'queued';
end
$$;

create or replace function billcopy.set_priority(p_request_id bigint, p_priority smallint, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    request requests := request_for_change(p_request_id);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform demand(p_priority between 1 and 3, 'priority', 'must be 1 (urgent), 2 (normal) or 3 (low)');
    update requests set priority = p_priority where id = request.id;
    perform record_event('request', request.id::text, 'priority set', request.id, p_detail => jsonb_build_object(
        'from', request.priority, 'to', p_priority));
end
$$;

create or replace function billcopy.reveal_account(p_request_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The account number in clear; who asked and why is recorded first.
declare
    request requests := request_for_change(p_request_id);
    v_account text;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform record_event('request', request.id::text, 'account revealed', request.id);
    select s.account into v_account from request_subjects as s where s.request_id = request.id;
    if v_account is null then
        raise exception using errcode = 'BC003', message = format('the account of request %s has been erased', request.id);
    end if;
    return v_account;
end
$$;

create or replace function billcopy.requeue_one(p_request_id bigint) returns text
language plpgsql set search_path = billcopy, pg_temp as $$
-- Puts a finished request back; says what became of it. The caller has named the actor.
declare
    request requests := request_for_change(p_request_id);
begin
    if request.state not in ('failed', 'partial', 'rejected') then
        return 'wrong_state';
    end if;
    if exists (select from request_subjects as s where s.request_id = request.id and s.erased_at is not null) then
        return 'erased';
    end if;
    begin
        update requests set state = 'queued', reason_code = 'REQUEUED', not_before = now(), attempts = 0, rescues = 0,
            looks = 0, second_chance_at = null, looked_after_at = null, looked_after_by = null,
            cancel_requested_at = null, cancel_requested_by = null, limit_waived = null, limit_waived_by = null
        where id = request.id;
    exception when unique_violation then
        return 'twin_open';
    end;
    update deliveries set state = 'planned', reason_code = null
    where request_id = request.id and state in ('rejected', 'failed', 'cancelled')
    and coalesce(reason_code, '') not in ('KIND_NOT_SENT', 'GIVEN_UP');
    perform pg_notify('billcopy_requests', request.portal);
    return 'requeued';
end
$$;

create or replace function billcopy.retry_request(p_request_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    return requeue_one(p_request_id);
end
$$;

create or replace function billcopy.story(p_request_id bigint) returns jsonb
language plpgsql stable security definer set search_path = billcopy, pg_temp as $$
-- Everything about one request, personal data masked.
declare
    told jsonb;
begin
    select jsonb_build_object(
        'request', to_jsonb(r) - 'account_hmac' - 'recipient_hmac' || jsonb_build_object(
            'label', s.label, 'meaning', s.meaning, 'reason', x.plain_words, 'portal_title', p.title,
            'time_zone', p.time_zone, 'closed_because', (
                select c.plain_words from reasons as c where c.code = portal_refusal(r.portal)),
            'erased', (
                select q.erased_at is not null from request_subjects as q where q.request_id = r.id)
        ),
        'attempts', coalesce((
            select jsonb_agg(to_jsonb(a) || jsonb_build_object(
                'reason', (select x.plain_words from reasons as x where x.code = a.reason_code),
                'host', b.host, 'boot_id', b.boot_id, 'process_group', b.process_group,
                'process_started_at', b.process_started_at, 'dag_run_id', b.dag_run_id) order by a.id)
            from attempts as a inner join bot_runs as b on a.bot_run_id = b.id where a.request_id = r.id), '[]'),
        'deliveries', coalesce((
            select jsonb_agg(to_jsonb(d) - 'recipient_hmac' || jsonb_build_object(
                'label', ds.label, 'meaning', ds.meaning, 'reason', dx.plain_words, 'decision_asked', (
                    select jsonb_build_object('id', q.id, 'decision', q.decision, 'asked_by', q.asked_by, 'reason', q.reason)
                    from doubt_decisions as q
                    where q.delivery_id = d.id and q.approved_at is null and d.state = 'in_doubt' and q.asked_at >= d.sending_at)) order by d.invoice_date, d.id)
            from deliveries as d inner join delivery_states as ds on d.state = ds.state
            left join reasons as dx on d.reason_code = dx.code where d.request_id = r.id), '[]'),
        'events', coalesce((
            select jsonb_agg(to_jsonb(e) || jsonb_build_object(
                'plain_words', (select x.plain_words from reasons as x where x.code = e.reason_code),
                'meaning', case when e.entity = 'request'
                    then (select m.meaning from request_states as m where m.state = e.to_state)
                    else (select m.meaning from delivery_states as m where m.state = e.to_state) end) order by e.id)
            from events as e where e.request_id = r.id), '[]'),
        'steps', coalesce((select jsonb_agg(to_jsonb(t) order by t.id) from steps as t where t.request_id = r.id), '[]'),
        'evidence', coalesce((select jsonb_agg(to_jsonb(v) order by v.id) from evidence as v where v.request_id = r.id), '[]')
    ) into told
    from requests as r inner join request_states as s on r.state = s.state inner join portals as p on r.portal = p.name
    left join reasons as x on r.reason_code = x.code
    where r.id = p_request_id;
    if told is null then
        raise exception using errcode = 'BC003', message = format('there is no request %s', p_request_id);
    end if;
    return told;
end
$$;

create or replace function billcopy.status(p_portal text default null) returns jsonb
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What waits, what is in hand, what is closed and why; one entry per portal.
    select coalesce(jsonb_agg(jsonb_build_object(
        'portal', p.name, 'title', p.title,
        'refusal', portal_refusal(p.name),
        'stopped_at', p.stopped_at, 'stopped_by', p.stopped_by, 'stop_reason', p.stop_reason,
        'breaker_opened_at', p.breaker_opened_at, 'breaker_until', p.breaker_until,
        'breaker_reason', p.breaker_reason, 'breaker_detail', p.breaker_detail,
        'closure', (select to_jsonb(c) from portal_closure(p.name, clock_timestamp()) as c where c.refusal is not null),
        'breaker_tries_one', p.breaker_opened_at is not null and p.breaker_until <= clock_timestamp(),
        'maintenance', next_maintenance(p.name, clock_timestamp()),
        'needs_a_person', (select count(*) from worklist(p.name)),
        'states', (select coalesce(jsonb_object_agg(c.state, c.n), '{}') from (
            select r.state, count(*) as n from requests as r where r.portal = p.name group by r.state) as c),
        'in_doubt', (select count(*) from deliveries as d where d.portal = p.name and d.state in ('sending', 'in_doubt')),
        'oldest_queued_at', (select min(r.received_at) from requests as r where r.portal = p.name and r.state = 'queued'),
        'sent_today', (select count(*) from deliveries as d where d.portal = p.name and d.state = 'confirmed'
            and d.confirmed_at >= date_trunc('day', now() at time zone p.time_zone) at time zone p.time_zone),
        'bot_run', (select to_jsonb(b) - 'versions' from bot_runs as b where b.portal = p.name order by b.id desc limit 1)
    ) order by p.name), '[]')
    from portals as p where p_portal is null or p.name = p_portal
$$;
