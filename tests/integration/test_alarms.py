"""Every condition provoked, read in the mail sink and at the webhook, and its all-clear as well."""

from __future__ import annotations

from tests.alarm_fixtures import Watch
from tests.integration.queue_steps import submit


def test_a_request_that_waits_too_long_is_told_once_and_then_all_clear(watch: Watch) -> None:
    number = submit(watch.database)
    assert watch.look().alarms == []
    watch.execute("update billcopy.requests set received_at = now() - interval '61 minutes'")
    watch.execute("update billcopy.requests set not_before = received_at")
    for _ in range(100):
        look = watch.look()
    # Nothing was confirmed meanwhile either.
    expected = [
        "billcopy alarm: requests wait too long (practice)",
        "billcopy alarm: nothing is confirmed (practice)",
    ]
    assert sorted(watch.subjects()) == sorted(expected) == sorted(watch.hooked())
    assert [one["untold"] for one in look.alarms] == [0, 0]
    text = dict(watch.mails())[expected[0]]
    assert "1 request(s) wait too long at portal practice, the oldest for 61 min." in text
    assert "Next: " in text
    assert "docs/operations.md#first-things-to-look-at" in text

    watch.execute("update billcopy.requests set state = 'cancelled' where id = %s", number)
    assert watch.look().alarms == []
    over = [subject.replace("alarm", "all-clear") for subject in expected]
    assert sorted(watch.subjects()) == sorted(expected + over) == sorted(watch.hooked())
