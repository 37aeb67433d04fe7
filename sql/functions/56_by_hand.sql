-- By hand: what a person sent in the bank's portal.

create or replace function billcopy.record_sent_by_hand(
    p_delivery_id bigint, p_recipient text, p_actor text, p_reason text, out request_id bigint, out state text
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- planned → confirmed: a person sent it. One person is enough: nothing is sent because of it. The bot
-- must not have the request in hand. p_recipient: needed where the request names no address, so that
-- other requests know to whom it went. Returns the request's state: it closes with its last delivery.
declare
    delivery deliveries;
    request requests;
    v_key bytea := recipient_key(nullif(btrim(p_recipient), ''));
begin
    perform act_as(p_actor, p_reason);
    perform demand_reason(p_reason);
    select d.request_id into request_id from deliveries as d where d.id = p_delivery_id;
    if not found then
        raise exception using errcode = 'BC003', message = format('there is no delivery %s', p_delivery_id);
    end if;
    request := request_for_change(request_id);
    select d.* into delivery from deliveries as d where d.id = p_delivery_id for update;
    if request.state not in ('queued', 'held') then
        raise exception using errcode = 'BC002',
            message = format('request %s is %s; hold it first, so that the bot does not send it too', request.id, request.state);
    end if;
    if delivery.state <> 'planned' then
        raise exception using errcode = 'BC002',
            message = format('delivery %s is %s; only a planned one can have been sent by hand', delivery.id, delivery.state);
    end if;
    perform demand(coalesce(v_key, request.recipient_hmac) is not null, 'recipient', 'must be given: the request names no address');
    perform demand(v_key is null or request.recipient_hmac is null or v_key = request.recipient_hmac, 'recipient',
        'must be the address that the request names');
    update deliveries as d set state = 'confirmed', reason_code = 'SENT_BY_HAND', sending_at = clock_timestamp(),
        confirmed_at = clock_timestamp(), proof_kind = 'person', proof_value = format('by hand %s', d.id),
        recipient_hmac = coalesce(v_key, request.recipient_hmac),
        recipient_masked = coalesce(masked_recipient(nullif(btrim(p_recipient), '')), request.recipient_masked)
    where d.id = delivery.id;
    if exists (
        select from deliveries as d where d.request_id = request.id and d.state in ('planned', 'sending', 'in_doubt')
    ) then
        state := request.state;
    else
        state := close_request(request.id, 'failed', null);
    end if;
end
$$;
