-- mark_restored
-- The database was put back to an older state.
select
    since,
    opens_at,
    taken_back,
    waiting
from billcopy.mark_restored(%(portal)s, %(since)s, %(actor)s, %(reason)s);

-- record_sent_by_hand
-- A person sent it in the bank's portal.
select
    request_id,
    state
from billcopy.record_sent_by_hand(%(delivery_id)s, %(recipient)s, %(actor)s, %(reason)s);
