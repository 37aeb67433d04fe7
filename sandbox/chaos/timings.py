"""The portal's timings under chaos: short, so that a death costs seconds."""

from __future__ import annotations

LEASE_SECONDS = 6
GRACE_SECONDS = 2
CLICK_BUDGET_SECONDS = 3
LOG_LAG_SECONDS = 1.5
LATENCY_MS = 700  # of the send, while a kill is to fall into the click
# An intent's click may come CLICK_BUDGET later, its mail LATENCY after that and its row in the log
# LOG_LAG after that: a look must not take absence for a proof before.
SETTLE_SECONDS = 6

PORTAL = {
    "lease": f"{LEASE_SECONDS} s",
    "renew_every": "2 s",
    "rescue_grace": f"{GRACE_SECONDS} s",
    "click_budget": f"{CLICK_BUDGET_SECONDS} s",
    "send_processing": "1 s",
    "settle_window": f"{SETTLE_SECONDS} s",
    "backoff": ["1 second"],
    "attempt_deadline": "2 min",
    # Nobody may be needed: a person's limits are for persons.
    "max_rescues": 10_000,
    "max_attempts": 10_000,
    "max_looks": 10_000,
    "max_tries": 10_000,
    "max_mails_per_recipient_a_day": 100_000,
    "breaker_drift_after": 10_000,
    # The breakers that close by themselves take part.
    "breaker_pause": "2 s",
    "breaker_longest_pause": "6 s",
}
