-- Desk page: what a representative's page reads. Personal data stay masked; nothing here changes anything.

create or replace function billcopy.desk_portals() returns table (
    name text, title text, account_example text, recipient_policy text, max_period_months integer, time_zone text,
    today date, closed_because text
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Every portal with what its form asks for, and in plain words why nothing is sent there now.
    select p.name, p.title, p.account_example, p.recipient_policy, p.max_period_months, p.time_zone,
        (now() at time zone p.time_zone)::date,
        (select x.plain_words from reasons as x where x.code = portal_refusal(p.name))
    from portals as p order by p.title, p.name
$$;

create or replace function billcopy.list_requests(
    p_states text [], p_needs_a_person boolean, p_requested_by text, p_same text, p_as_request_id bigint,
    p_before_id bigint, p_limit integer
) returns table (
    id bigint, state text, label text, meaning text, reason text, portal_title text, account_masked text,
    period_from date, period_to date, recipient_masked text, reference text, priority smallint,
    received_at timestamptz, not_before timestamptz, finished_at timestamptz, requested_by text,
    cancel_requested boolean, invoices bigint, sent bigint, sent_before bigint, under_way bigint
)
language plpgsql stable security definer set search_path = billcopy, pg_temp set plan_cache_mode = force_custom_plan as $$
-- Newest first, before p_before_id; p_same: those with the same account or reference as another request.
declare
    v_account bytea;
    v_reference text;
begin
    perform demand(p_same is null or p_same in ('account', 'reference'), 'same', 'must be account or reference');
    if p_same is not null then
        select r.account_hmac, lower(r.reference) into v_account, v_reference from requests as r where r.id = p_as_request_id;
        if not found or (p_same = 'reference' and v_reference is null) then
            return;
        end if;
    end if;
    return query
    select r.id, r.state, s.label, s.meaning, x.plain_words, p.title, r.account_masked,
        r.period_from, r.period_to, r.recipient_masked, r.reference, r.priority,
        r.received_at, r.not_before, r.finished_at, r.requested_by,
        r.cancel_requested_at is not null, d.invoices, d.sent, d.sent_before, d.under_way
    from requests as r
    inner join portals as p on r.portal = p.name
    inner join request_states as s on r.state = s.state
    left join reasons as x on r.reason_code = x.code
    cross join lateral (
        select
            count(*) filter (where e.reason_code is distinct from 'KIND_NOT_SENT') as invoices,
            count(*) filter (where e.state = 'confirmed') as sent,
            count(*) filter (where e.state = 'duplicate') as sent_before,
            count(*) filter (where e.state in ('sending', 'in_doubt')) as under_way
        from deliveries as e where e.request_id = r.id
    ) as d
    where (p_states is null or r.state = any(p_states))
    and (not p_needs_a_person or r.needs_a_person)
    and (p_requested_by is null or r.requested_by = p_requested_by)
    and (p_same is distinct from 'account' or r.account_hmac = v_account)
    and (p_same is distinct from 'reference' or lower(r.reference) = v_reference)
    and (p_before_id is null or r.id < p_before_id)
    order by r.id desc limit least(greatest(p_limit, 1), 200);
end
$$;

create or replace function billcopy.count_open_requests(p_requested_by text)
returns table (state text, label text, requests bigint)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- How many requests are open, by state; null: everybody's.
    select s.state, s.label, count(r.id)
    from request_states as s
    left join requests as r on s.state = r.state and r.state in ('queued', 'claimed', 'held')
    and (p_requested_by is null or r.requested_by = p_requested_by)
    where not s.is_final group by s.state, s.label
$$;

create or replace function billcopy.count_needing_a_person(p_requested_by text) returns bigint
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- How many requests wait for a person; null: everybody's.
    select count(*) from requests as r where r.needs_a_person and (p_requested_by is null or r.requested_by = p_requested_by)
$$;

create or replace function billcopy.find_request(p_text text, out found_by text, out request_id bigint)
language plpgsql stable security definer set search_path = billcopy, pg_temp set plan_cache_mode = force_custom_plan as $$
-- The newest request that this text means: its number, its reference, or its account; nulls: none.
declare
    v_text text := btrim(p_text);
    v_number text := substring(v_text from '^#?([0-9]{1,18})$');
begin
    select max(r.id) into request_id from requests as r where lower(r.reference) = lower(v_text);
    if request_id is not null then
        found_by := 'reference';
        return;
    end if;
    select max(r.id) into request_id from requests as r where r.account_hmac = hmac('account:' || v_text);
    if request_id is not null then
        found_by := 'account';
        return;
    end if;
    select r.id into request_id from requests as r where r.id = v_number::bigint;
    if request_id is not null then
        found_by := 'number';
    end if;
end
$$;

create or replace function billcopy.asks_the_same(
    p_request_id bigint, p_portal text, p_account text, p_period_from date, p_period_to date, p_recipient text
) returns boolean
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Whether a request asks for this account, period and recipient: a form that comes twice must mean it.
    select exists (
        select from requests as r
        where r.id = p_request_id and r.portal = p_portal and r.account_hmac = hmac('account:' || p_account)
        and r.period_from = p_period_from and r.period_to = p_period_to
        and r.recipient_hmac is not distinct from recipient_key(nullif(btrim(p_recipient), ''))
    )
$$;
