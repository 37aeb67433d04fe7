-- start_bot_run
-- Records the process that will hold leases, so that it can be found and ended.
select
    billcopy.start_bot_run(
        %(portal)s, %(host)s, %(boot_id)s, %(process_group)s, %(process_started_at)s, %(dag_run_id)s,
        %(request_ids)s::bigint [], %(received_from)s, %(received_to)s, %(request_limit)s, %(versions)s, %(actor)s
    ) as bot_run_id;

-- finish_bot_run
-- Says why the bot run stopped.
select billcopy.finish_bot_run(%(bot_run_id)s, %(stop_reason)s, %(blocked_requests)s);

-- take_portal_lock
-- One session per portal, whatever the scheduler does.
select billcopy.take_portal_lock(%(portal)s) as taken;

-- portal_refusal
-- Why nothing may be claimed or sent now.
select billcopy.portal_refusal(%(portal)s) as reason_code;

-- portal_timings
-- The bot's clockwork, per portal.
select
    lease,
    renew_every,
    attempt_deadline,
    click_budget,
    send_processing,
    settle_window
from billcopy.portal_timings(%(portal)s);

-- database_now
-- The clock by which a look at the log is dated.
select billcopy.database_now() as now;

-- claim_next
-- The next request, or what this bot run holds already.
select
    request_id,
    epoch,
    attempt_id,
    bot_run_id,
    portal,
    account,
    account_masked,
    period_from,
    period_to,
    recipient,
    check_value,
    lease_until,
    deadline_at,
    look_only
from billcopy.claim_next(%(bot_run_id)s);

-- peek_requests
-- What a dry run walks through; changes nothing.
select
    request_id,
    portal,
    account,
    account_masked,
    period_from,
    period_to,
    recipient,
    check_value
from billcopy.peek_requests(
    %(portal)s, %(request_ids)s::bigint [], %(received_from)s, %(received_to)s, %(request_limit)s
);

-- renew_lease
-- Keeps the request, never past the attempt's deadline.
select billcopy.renew_lease(%(request_id)s, %(bot_run_id)s, %(epoch)s) as lease_until;

-- plan_deliveries
-- Records what the portal listed; may run at every attempt.
select
    verdict,
    reason_code
from billcopy.plan_deliveries(
    %(request_id)s, %(bot_run_id)s, %(epoch)s, %(invoices)s, %(ignored_kinds)s::text []
);

-- deliveries_in_hand
-- What is to be done for the request in hand, the doubtful first.
select
    delivery_id,
    invoice_number,
    invoice_date,
    kind,
    state,
    reason_code,
    recipient_masked,
    recipient,
    sending_at,
    sending_epoch,
    clicked_at
from billcopy.deliveries_in_hand(%(request_id)s, %(bot_run_id)s, %(epoch)s);

-- begin_delivery
-- The one door: committed before the click, holding every veto.
select
    verdict,
    reason_code,
    sending_at,
    deadline_at
from billcopy.begin_delivery(
    %(request_id)s, %(bot_run_id)s, %(epoch)s, %(delivery_id)s, %(recipient)s
);

-- record_click
-- When the bot clicked and what the screen said.
select
    billcopy.record_click(
        %(request_id)s, %(bot_run_id)s, %(epoch)s, %(delivery_id)s, %(clicked_at)s, %(confirmation)s
    );

-- confirm_delivery
-- With its proof; one proof proves one delivery.
select
    billcopy.confirm_delivery(
        %(request_id)s, %(bot_run_id)s, %(epoch)s, %(delivery_id)s, %(proof_kind)s, %(proof_value)s
    );

-- report_absent
-- A complete look did not find it.
select
    billcopy.report_absent(
        %(request_id)s, %(bot_run_id)s, %(epoch)s, %(delivery_id)s, %(looked_at)s
    ) as state;

-- reject_delivery
-- A business error of one invoice.
select
    billcopy.reject_delivery(
        %(request_id)s, %(bot_run_id)s, %(epoch)s, %(delivery_id)s, %(reason_code)s
    );

-- settle_request
-- Ends the attempt; the database computes the outcome.
select
    state,
    reason_code
from billcopy.settle_request(
    %(request_id)s, %(bot_run_id)s, %(epoch)s, %(error_class)s, %(reason_code)s, %(detail)s
);

-- used_proofs
-- Rows of the log that prove another delivery already.
select proof from billcopy.used_proofs(%(portal)s, %(kind)s, %(values)s::text []) as proof;

-- record_step
-- A checkpoint.
select
    billcopy.record_step(
        %(request_id)s, %(bot_run_id)s, %(epoch)s, %(step)s, %(delivery_id)s, %(detail)s
    );

-- record_steps
-- What an attempt did, all at once.
select billcopy.record_steps(%(request_id)s, %(bot_run_id)s, %(epoch)s, %(steps)s);

-- record_browser
-- The browser says its version only once it runs.
select billcopy.record_browser(%(bot_run_id)s, %(version)s);

-- record_evidence
-- Where a screenshot was kept, and its digest.
select
    billcopy.record_evidence(
        %(request_id)s, %(bot_run_id)s, %(epoch)s, %(delivery_id)s, %(kind)s, %(url)s, %(digest)s
    );

-- record_credential_read
-- Every read of a password is recorded with its version.
select billcopy.record_credential_read(%(bot_run_id)s, %(path)s, %(version)s, %(outcome)s, %(expires_at)s);

-- refused_secret_version
-- The version that nobody may try again.
select billcopy.refused_secret_version(%(portal)s) as version;

-- open_breaker
-- Keeps everybody from the portal until it is closed.
select
    billcopy.open_breaker(
        %(bot_run_id)s, %(reason_code)s, %(detail)s, %(until)s, %(secret_version)s
    );

-- listen_for_requests
-- Wakes a lingering bot the moment something comes in; the payload is the portal's name.
listen billcopy_requests;

-- report_session_failure
-- A session could not be made ready; says whether the portal is closed now.
select billcopy.report_session_failure(%(bot_run_id)s, %(reason_code)s) as closed;
