-- Ops: portals, rescue, requeue, doubts.

create or replace function billcopy.portal_for_change(p_portal text) returns billcopy.portals
language plpgsql set search_path = billcopy, pg_temp as $$
declare
    place portals;
begin
    select p.* into place from portals as p where p.name = p_portal for update;
    if not found then
        raise exception using errcode = 'BC010', column = 'portal', message = format(
            'no portal is called "%s"; there are: %s', left(p_portal, 40),
            coalesce((select string_agg(p.name, ', ' order by p.name) from portals as p), 'none')
        );
    end if;
    return place;
end
$$;

create or replace function billcopy.register_portal(
    p_name text, p_title text, p_account_pattern text, p_account_example text, p_recipient_policy text, p_time_zone text, p_actor text
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Enters a portal folder, or takes over what its profile says now; switches and timings stay.
begin
    perform act_as(p_actor);
    perform demand(exists (select from pg_timezone_names as z where z.name = p_time_zone), 'time_zone', 'is not a time zone');
    perform demand(p_account_example ~ format('^(?:%s)$', p_account_pattern), 'account_example', 'must match the account pattern');
    insert into portals as p (name, title, account_pattern, account_example, recipient_policy, time_zone)
    values (p_name, p_title, p_account_pattern, p_account_example, p_recipient_policy, p_time_zone)
    on conflict (name) do update set title = excluded.title, account_pattern = excluded.account_pattern,
        account_example = excluded.account_example, recipient_policy = excluded.recipient_policy, time_zone = excluded.time_zone
    where (p.title, p.account_pattern, p.account_example, p.recipient_policy, p.time_zone) is distinct from
        (excluded.title, excluded.account_pattern, excluded.account_example, excluded.recipient_policy, excluded.time_zone);
    if found then
        perform record_event('portal', p_name, 'portal registered');
    end if;
end
$$;

create or replace function billcopy.configure_portal(p_portal text, p_changes jsonb, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Changes limits and timings, each by its column's name.
declare
    place portals := portal_for_change(p_portal);
    v_key text;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    for v_key in select k from jsonb_object_keys(p_changes) as k loop
        perform demand(v_key = any(array[
            'max_invoices_per_request', 'max_mails_per_recipient_a_day', 'max_mails_a_day', 'max_period_months', 'max_attempts',
            'max_rescues', 'max_looks', 'max_tries', 'backoff', 'backoff_jitter', 'lease', 'renew_every', 'attempt_deadline', 'click_budget',
            'rescue_grace', 'send_processing', 'settle_window', 'duplicate_window', 'expires_after',
            'breaker_portal_down_after', 'breaker_drift_after', 'breaker_errors_after', 'breaker_pause', 'breaker_longest_pause',
            'quiet_from'
        ]), v_key, 'is not a setting of a portal');
    end loop;
    update portals as p set
        max_invoices_per_request = n.max_invoices_per_request, max_mails_per_recipient_a_day = n.max_mails_per_recipient_a_day,
        max_mails_a_day = n.max_mails_a_day, max_period_months = n.max_period_months, max_attempts = n.max_attempts,
        max_rescues = n.max_rescues, max_looks = n.max_looks, max_tries = n.max_tries, backoff = n.backoff, backoff_jitter = n.backoff_jitter,
        lease = n.lease, renew_every = n.renew_every, attempt_deadline = n.attempt_deadline, click_budget = n.click_budget,
        rescue_grace = n.rescue_grace, send_processing = n.send_processing, settle_window = n.settle_window,
        duplicate_window = n.duplicate_window, expires_after = n.expires_after,
        breaker_portal_down_after = n.breaker_portal_down_after, breaker_drift_after = n.breaker_drift_after,
        breaker_errors_after = n.breaker_errors_after, breaker_pause = n.breaker_pause,
        breaker_longest_pause = n.breaker_longest_pause, quiet_from = n.quiet_from
    from jsonb_populate_record(place, p_changes) as n where p.name = place.name;
    perform record_event('portal', p_portal, 'portal configured', p_detail => p_changes);
end
$$;

create or replace function billcopy.stop_portal(p_portal text, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The stop switch: nothing is claimed or sent from now on.
declare
    place portals := portal_for_change(p_portal);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if place.stopped_at is not null then
        raise exception using errcode = 'BC002', message = format('%s is stopped already, by %s: %s', p_portal, place.stopped_by, place.stop_reason);
    end if;
    update portals set stopped_at = clock_timestamp(), stopped_by = p_actor, stop_reason = p_reason where name = p_portal;
    perform record_event('portal', p_portal, 'stopped');
end
$$;

create or replace function billcopy.resume_portal(p_portal text, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    place portals := portal_for_change(p_portal);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if place.stopped_at is null then
        raise exception using errcode = 'BC002', message = format('%s is not stopped', p_portal);
    end if;
    update portals set stopped_at = null, stopped_by = null, stop_reason = null where name = p_portal;
    perform record_event('portal', p_portal, 'resumed');
    perform pg_notify('billcopy_requests', p_portal);
end
$$;

create or replace function billcopy.close_breaker(p_portal text, p_actor text, p_reason text) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Closes the breaker; a password version that was refused stays refused until Vault has a newer one.
declare
    place portals := portal_for_change(p_portal);
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    if place.breaker_opened_at is null then
        raise exception using errcode = 'BC002', message = format('the breaker of %s is not open', p_portal);
    end if;
    perform portal_is_well(p_portal);
    perform pg_notify('billcopy_requests', p_portal);
end
$$;

create or replace function billcopy.count_claimable(p_portal text, p_request_ids bigint [], p_received_from timestamptz, p_received_to timestamptz) returns bigint
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- How many requests a bot run could claim now; 0 while the portal refuses.
    select case when portal_refusal(p_portal) is null then (
        select count(*) from requests as r
        where r.portal = p_portal and r.state = 'queued' and r.not_before <= clock_timestamp()
        and (p_request_ids is null or r.id = any(p_request_ids))
        and (p_received_from is null or r.received_at >= p_received_from)
        and (p_received_to is null or r.received_at < p_received_to)
    ) else 0 end
$$;

create or replace function billcopy.bot_is_cut_off(p_bot_run_id bigint) returns boolean
language sql volatile set search_path = billcopy, pg_temp as $$
    -- No session of this bot run holds its portal's lock: the run is over, the lock is free, or a later run has it.
    select b.finished_at is not null or portal_lock_holder(b.portal) is null or b.id < (
        select latest.id from bot_runs as latest
        where latest.portal = b.portal and latest.finished_at is null
        order by latest.id desc
        limit 1
    )
    from bot_runs as b where b.id = p_bot_run_id
$$;

create or replace function billcopy.lease_has_expired(p_request billcopy.requests) returns boolean
language sql volatile set search_path = billcopy, pg_temp as $$
    -- A bot that kept its session may only be slow: its lease counts in full. One that lost it, too, and missed a
    -- renewal on top, is dead or must take the lock again before it may write; a permit that is open is waited for.
    select p_request.state = 'claimed' and (
        p_request.lease_until < clock_timestamp() - p.rescue_grace
        or p_request.lease_renewed_at < clock_timestamp() - p.renew_every - p.rescue_grace
        and bot_is_cut_off(p_request.lease_bot_run_id)
        and not exists (
            select from deliveries as d
            where d.request_id = p_request.id and d.state = 'sending' and d.sending_at > clock_timestamp() - p.click_budget
        )
    )
    from portals as p where p.name = p_request.portal
$$;

create or replace function billcopy.expired_leases()
returns table (
    request_id bigint, portal text, epoch bigint, bot_run_id bigint, lease_until timestamptz, host text, boot_id text,
    process_group integer, process_started_at double precision
)
language sql volatile security definer set search_path = billcopy, pg_temp as $$
    -- Requests whose bot stopped renewing, and the process group to end first.
    select r.id, r.portal, r.lease_epoch, b.id, r.lease_until, b.host, b.boot_id, b.process_group, b.process_started_at
    from requests as r inner join bot_runs as b on r.lease_bot_run_id = b.id
    where r.state = 'claimed' and lease_has_expired(r)
    order by r.lease_until
$$;

create or replace function billcopy.rescue_request(p_request_id bigint, p_epoch bigint, p_actor text, out state text)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Takes back one expired lease; what was being sent becomes in doubt. Null: it was not expired any more.
declare
    request requests;
begin
    perform act_as(p_actor, 'lease expired');
    select r.* into request from requests as r
    where r.id = p_request_id and r.lease_epoch = p_epoch and lease_has_expired(r)
    for update skip locked;
    if not found then
        return;
    end if;
    select e.state into state from end_attempt(request.id, null, 'LEASE_EXPIRED', null, true) as e;
    if rescue_request.state = 'queued' then
        perform pg_notify('billcopy_requests', request.portal);
    end if;
end
$$;

create or replace function billcopy.requeue_requests(
    p_portal text, p_request_ids bigint [], p_received_from timestamptz, p_received_to timestamptz, p_states text [],
    p_even_expired boolean, p_actor text, p_reason text
) returns table (request_id bigint, outcome text)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Puts finished requests back, each with its outcome: requeued, twin_open, too_old, erased, wrong_state.
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform demand(p_states <@ array['failed', 'partial', 'rejected'], 'states', 'may be failed, partial and rejected only');
    perform demand(p_request_ids is not null or p_received_from is not null or p_received_to is not null, 'selection',
        'must name requests or a time they were received');
    return query
    select r.id,
        case
            when not r.state = any(p_states) then 'wrong_state'
            when not p_even_expired and r.received_at < now() - p.expires_after then 'too_old'
            else requeue_one(r.id)
        end
    from requests as r inner join portals as p on r.portal = p.name
    where (p_portal is null or r.portal = p_portal)
    and (p_request_ids is null or r.id = any(p_request_ids))
    and (p_received_from is null or r.received_at >= p_received_from)
    and (p_received_to is null or r.received_at < p_received_to)
    and (p_request_ids is not null or r.state = any(p_states))
    order by r.id;
end
$$;

create or replace function billcopy.doubt_for_change(p_delivery_id bigint) returns billcopy.deliveries
language plpgsql set search_path = billcopy, pg_temp as $$
-- Locks a delivery's request and the delivery; raises unless they wait for two people.
declare
    request requests;
    delivery deliveries;
begin
    select r.* into request from requests as r
    where r.id = (select d.request_id from deliveries as d where d.id = p_delivery_id) for update;
    if not found then
        raise exception using errcode = 'BC003', message = format('there is no delivery %s', p_delivery_id);
    end if;
    select d.* into delivery from deliveries as d where d.id = p_delivery_id for update;
    if delivery.state <> 'in_doubt' or request.state <> 'held' or request.reason_code <> 'IN_DOUBT' then
        raise exception using errcode = 'BC002', message = format('delivery %s is not waiting for a decision', p_delivery_id);
    end if;
    return delivery;
end
$$;

create or replace function billcopy.decide_doubt(
    p_delivery_id bigint, p_decision text, p_instead_of bigint, p_actor text, p_reason text
) returns bigint
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- One person says what became of a delivery in doubt; another must approve. p_instead_of: the decision that was
-- asked for before and that this person has read; null: none was.
declare
    delivery deliveries;
    v_open bigint;
    v_id bigint;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    perform demand(p_decision in ('sent', 'not_sent', 'give_up'), 'decision', 'must be sent, not_sent or give_up');
    delivery := doubt_for_change(p_delivery_id);
    select x.id into v_open from doubt_decisions as x
    where x.delivery_id = delivery.id and x.approved_at is null and x.asked_at >= delivery.sending_at;
    if v_open is distinct from p_instead_of then
        raise exception using errcode = 'BC002', message = case when v_open is null
            then format('decision %s is not open any more', p_instead_of)
            else format('somebody has asked for decision %s on delivery %s; read it, then approve it or decide instead of it', v_open, delivery.id) end;
    end if;
    delete from doubt_decisions as x where x.delivery_id = delivery.id and x.approved_at is null;
    insert into doubt_decisions (delivery_id, decision, reason, asked_by, asked_at)
    values (delivery.id, p_decision, p_reason, p_actor, clock_timestamp()) returning id into v_id;
    perform record_event('delivery', delivery.id::text, 'doubt decision asked', delivery.request_id,
        p_detail => jsonb_build_object('decision', p_decision, 'number', v_id));
    return v_id;
end
$$;

create or replace function billcopy.approve_doubt(p_decision_id bigint, p_actor text, p_reason text) returns text
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- The second person, about the very decision they have read; it takes effect, and the request goes on once
-- nothing is in doubt.
declare
    asked doubt_decisions;
    delivery deliveries;
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    select x.* into asked from doubt_decisions as x where x.id = p_decision_id;
    if not found then
        raise exception using errcode = 'BC003', message = format('there is no decision %s to approve', p_decision_id);
    end if;
    delivery := doubt_for_change(asked.delivery_id);
    -- Once more, as nobody can change it any longer.
    select x.* into asked from doubt_decisions as x where x.id = p_decision_id and x.approved_at is null;
    if not found or asked.asked_at < delivery.sending_at then
        raise exception using errcode = 'BC002',
            message = format('delivery %s has changed since decision %s was asked for; read it again', delivery.id, p_decision_id);
    end if;
    if lower(btrim(asked.asked_by)) = lower(btrim(p_actor)) then
        raise exception using errcode = 'BC005', message = 'another person than the one who asked must approve';
    end if;
    update doubt_decisions set approved_by = p_actor, approved_at = clock_timestamp() where id = asked.id;
    perform record_event('delivery', delivery.id::text, 'doubt decision approved', delivery.request_id,
        p_detail => jsonb_build_object('decision', asked.decision, 'number', asked.id, 'asked_by', asked.asked_by));
    if asked.decision = 'sent' then
        update deliveries set state = 'confirmed', reason_code = 'DECIDED_SENT', confirmed_at = clock_timestamp(),
            proof_kind = 'person', proof_value = format('decision %s', asked.id) where id = delivery.id;
    elsif asked.decision = 'not_sent' then
        update deliveries set state = 'planned', reason_code = 'DECIDED_NOT_SENT' where id = delivery.id;
    else
        update deliveries set state = 'failed', reason_code = 'GIVEN_UP' where id = delivery.id;
    end if;
    if not exists (select from deliveries as d where d.request_id = delivery.request_id and d.state in ('sending', 'in_doubt')) then
        update requests set state = 'queued', reason_code = null, not_before = now(), attempts = 0, rescues = 0, looks = 0
        where id = delivery.request_id;
        perform pg_notify('billcopy_requests', delivery.portal);
    end if;
    return asked.decision;
end
$$;

create or replace function billcopy.dag_run_summary(p_dag_run_id text) returns jsonb
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- What the bot runs of one DAG run did, by request: {"delivered": 22, ..., "in_doubt": 0, "confirmed": 41}
    with touched as (
        select distinct a.request_id from attempts as a inner join bot_runs as b on a.bot_run_id = b.id
        where b.dag_run_id = p_dag_run_id
    ),
    by_state as (
        select s.state, count(t.request_id) as n
        from request_states as s left join requests as r on s.state = r.state
        left join touched as t on r.id = t.request_id group by s.state
    )
    select jsonb_object_agg(b.state, b.n) || jsonb_build_object(
        'requests', (select count(*) from touched),
        'in_doubt', (select count(*) from deliveries as d inner join touched as t on d.request_id = t.request_id
            where d.state in ('sending', 'in_doubt')),
        'confirmed', (select count(*) from deliveries as d inner join attempts as a on d.request_id = a.request_id and d.sending_epoch = a.epoch
            inner join bot_runs as b2 on a.bot_run_id = b2.id where b2.dag_run_id = p_dag_run_id and d.state = 'confirmed'),
        'duplicate', (select count(*) from deliveries as d inner join touched as t on d.request_id = t.request_id where d.state = 'duplicate')
    ) from by_state as b
$$;
