-- Guards: no change of state without its row in transitions and its event.

create or replace function billcopy.act_as(p_actor text, p_reason text default null) returns void
language plpgsql set search_path = billcopy, pg_temp as $$
-- Names the person or bot run for the events of this transaction.
begin
    if coalesce(btrim(p_actor), '') = '' then
        raise exception using errcode = 'BC010', column = 'actor', message = 'must say who acts';
    end if;
    if length(p_actor) > 200 or p_actor ~ '[[:cntrl:]]' then
        raise exception using errcode = 'BC010', column = 'actor', message = 'at most 200 printable characters';
    end if;
    perform set_config('billcopy.actor', p_actor, true);
    perform set_config('billcopy.reason', coalesce(p_reason, ''), true);
end
$$;

create or replace function billcopy.demand_reason(p_reason text) returns void
language plpgsql immutable set search_path = billcopy, pg_temp as $$
begin
    if coalesce(btrim(p_reason), '') = '' then
        raise exception using errcode = 'BC010', column = 'reason', message = 'must say why';
    end if;
end
$$;

create or replace function billcopy.record_event(
    p_entity text, p_entity_id text, p_event text, p_request_id bigint default null,
    p_from text default null, p_to text default null, p_reason_code text default null, p_detail jsonb default '{}'
) returns void
language sql set search_path = billcopy, pg_temp as $$
    insert into events (entity, entity_id, request_id, event, from_state, to_state, reason_code, reason, actor, detail)
    values (
        p_entity, p_entity_id, p_request_id, p_event, p_from, p_to, p_reason_code,
        nullif(current_setting('billcopy.reason', true), ''),
        coalesce(nullif(current_setting('billcopy.actor', true), ''), session_user), p_detail
    )
$$;

create or replace function billcopy.guard_request() returns trigger
language plpgsql set search_path = billcopy, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'queued' then
            raise exception using errcode = 'BC002', message = format('a request may not start as %s', new.state);
        end if;
        return new;
    end if;
    if new.state = old.state then
        return new;
    end if;
    if not exists (
        select from request_transitions as t where t.from_state = old.state and t.to_state = new.state
    ) then
        raise exception using errcode = 'BC002',
            message = format('request %s is %s and cannot become %s', old.id, old.state, new.state);
    end if;
    if (select s.is_final from request_states as s where s.state = new.state) then
        if exists (
            select from deliveries as d where d.request_id = new.id and d.state in ('planned', 'sending', 'in_doubt')
        ) then
            raise exception using errcode = 'BC002',
                message = format('request %s cannot close: one of its deliveries is open', new.id);
        end if;
        new.finished_at := clock_timestamp();
    else
        new.finished_at := null;
    end if;
    if new.state <> 'claimed' then
        new.lease_bot_run_id := null;
        new.lease_until := null;
        new.lease_renewed_at := null;
        new.deadline_at := null;
        new.look_only := false;
    end if;
    return new;
end
$$;

create or replace function billcopy.guard_delivery() returns trigger
language plpgsql set search_path = billcopy, pg_temp as $$
declare
    decided boolean;
    settled_from timestamptz;
begin
    if tg_op = 'INSERT' then
        if new.state <> 'planned' then
            raise exception using errcode = 'BC002', message = format('a delivery may not start as %s', new.state);
        end if;
        return new;
    end if;
    if new.state = old.state then
        return new;
    end if;
    if not exists (
        select from delivery_transitions as t where t.from_state = old.state and t.to_state = new.state
    ) then
        raise exception using errcode = 'BC002',
            message = format('delivery %s is %s and cannot become %s', old.id, old.state, new.state);
    end if;
    if old.state = 'planned' and new.state = 'in_doubt' and not exists (
        select from portals as p where p.name = old.portal and restore_counts(p)
    ) then
        raise exception using errcode = 'BC002', message = format('delivery %s was not permitted to be sent', old.id);
    end if;
    if old.state = 'in_doubt' then
        decided := exists (
            select from doubt_decisions as x
            where x.delivery_id = old.id and x.approved_at is not null and x.approved_at >= old.sending_at
        );
        settled_from := old.sending_at + (select p.settle_window from portals as p where p.name = old.portal);
        if new.state = 'failed' and not decided then
            raise exception using errcode = 'BC005', message = format('delivery %s: two people must give it up', old.id);
        end if;
        if new.state = 'planned' and not decided and (new.absent_at is null or new.absent_at < settled_from) then
            raise exception using errcode = 'BC002',
                message = format('delivery %s: no complete look at the log after the settle window', old.id);
        end if;
    end if;
    return new;
end
$$;

create or replace function billcopy.record_change() returns trigger
language plpgsql set search_path = billcopy, pg_temp as $$
declare
    machine text := tg_argv[0];
    v_before text := case when tg_op = 'UPDATE' then old.state end;
begin
    if v_before is distinct from new.state then
        perform record_event(
            machine, new.id::text, machine || ' ' || new.state,
            case when machine = 'request' then new.id else (to_jsonb(new) ->> 'request_id')::bigint end,
            v_before, new.state, new.reason_code
        );
    end if;
    return null;
end
$$;

create or replace function billcopy.refuse_change() returns trigger
language plpgsql set search_path = billcopy, pg_temp as $$
begin
    raise exception using errcode = 'BC005', message = tg_table_name || ' is append-only';
end
$$;

create or replace function billcopy.guard_event() returns trigger
language plpgsql set search_path = billcopy, pg_temp as $$
-- The one change of history there is: what a person typed about a request whose personal data are erased.
begin
    if old.reason is null or new.reason is distinct from '(erased)'
        or to_jsonb(new) - 'reason' is distinct from to_jsonb(old) - 'reason'
        or not exists (select from request_subjects as s where s.request_id = old.request_id and s.erased_at is not null)
    then
        raise exception using errcode = 'BC005', message = 'events is append-only';
    end if;
    return new;
end
$$;

create or replace trigger guard before insert or update on billcopy.requests
for each row execute function billcopy.guard_request();
create or replace trigger record_change after insert or update on billcopy.requests
for each row execute function billcopy.record_change('request');
create or replace trigger guard before insert or update on billcopy.deliveries
for each row execute function billcopy.guard_delivery();
create or replace trigger record_change after insert or update on billcopy.deliveries
for each row execute function billcopy.record_change('delivery');
create or replace trigger append_only before delete or truncate on billcopy.events
for each statement execute function billcopy.refuse_change();
create or replace trigger only_words_are_erased before update on billcopy.events
for each row execute function billcopy.guard_event();

create or replace function billcopy.hmac(p_value text) returns bytea
language sql stable strict set search_path = billcopy, pg_temp as $$
    -- HMAC-SHA-256 (RFC 2104) with the stored key, which is as long as SHA-256's block, 64 bytes.
    select sha256(
        (select string_agg(set_byte('\x00'::bytea, 0, get_byte(k.key, i) # 92), '' order by i) from generate_series(0, 63) as i)
        || sha256(
            (select string_agg(set_byte('\x00'::bytea, 0, get_byte(k.key, i) # 54), '' order by i) from generate_series(0, 63) as i)
            || convert_to(p_value, 'UTF8')
        )
    )
    from hmac_keys as k
$$;

create or replace function billcopy.recipient_key(p_recipient text) returns bytea
language sql stable strict set search_path = billcopy, pg_temp as $$
    -- The same mailbox written in another case is the same recipient.
    select hmac('recipient:' || lower(btrim(p_recipient)))
$$;

create or replace function billcopy.masked_account(p_account text) returns text
language sql immutable strict set search_path = billcopy, pg_temp as $$
    -- At most the last three characters, and never more than a third.
    select '••••' || right(p_account, least(3, length(p_account) / 3))
$$;

create or replace function billcopy.masked_recipient(p_recipient text) returns text
language sql immutable strict set search_path = billcopy, pg_temp as $$
    -- First letter of the mailbox and the top-level domain.
    select left(p_recipient, 1) || '•••@•••' || substring(p_recipient from '\.[^.@]+$')
$$;
