-- submit_request
-- Enters a request once; the function is the judge of every value.
select
request_id,
entered
from billcopy.submit_request(
    %(portal)s, %(account)s, %(period_from)s, %(period_to)s, %(recipient)s, %(check_value)s, %(reference)s, %(channel)s,
    %(source)s, %(source_key)s, %(priority)s::smallint, %(due_at)s, %(not_before)s, %(resend_reason)s, %(actor)s
);

-- cancel_request
-- Cancels now, or asks the bot to.
select billcopy.cancel_request(%(request_id)s, %(actor)s, %(reason)s) as state;

-- hold_request
-- Keeps a queued request from the bot.
select billcopy.hold_request(%(request_id)s, %(actor)s, %(reason)s) as state;

-- release_request
-- Gives a held request back to the queue.
select billcopy.release_request(%(request_id)s, %(actor)s, %(reason)s) as state;

-- retry_request
-- Gives a finished request back to the queue.
select billcopy.retry_request(%(request_id)s, %(actor)s, %(reason)s) as outcome;

-- set_priority
-- An urgent request is next.
select billcopy.set_priority(%(request_id)s, %(priority)s::smallint, %(actor)s, %(reason)s);

-- reveal_account
-- Shows an account number and records who asked.
select billcopy.reveal_account(%(request_id)s, %(actor)s, %(reason)s) as account;

-- story
-- Everything about one request, from the database alone.
select billcopy.story(%(request_id)s) as told;

-- status
-- What waits, what is in hand, what is closed and why.
select billcopy.status(%(portal)s) as portals;

-- worklist
-- What waits for a person, the longest waiting first.
select
    request_id,
    portal,
    state,
    reason_code,
    why,
    since,
    reference,
    account_masked,
    next_action
from billcopy.worklist(%(portal)s);

-- look_after
-- A person has seen to it in another way.
select billcopy.look_after(%(request_id)s, %(actor)s, %(reason)s);
