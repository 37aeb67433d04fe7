"""Every condition provoked, read in the mail sink and at the webhook, and its all-clear as well.

Clocks are moved in the database; nobody waits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from billcopy import database as databases
from billcopy import errors, request_queue
from billcopy.database import Connection, Login
from billcopy.watch.conditions import CONDITIONS, anchor
from sandbox import mail_sink as sinks
from sandbox.postgres import free_port
from tests.alarm_fixtures import MAIL_TO, Watch
from tests.integration import queue_steps as steps
from tests.rules.source import ROOT

EXPIRE = (
    "update billcopy.requests set lease_until = now() - interval '1 day' where state = 'claimed'"
)


@dataclass(frozen=True)
class Trouble:
    """How a condition comes about and passes; `words` is what the mail must say."""

    provoke: Callable[[Watch], None]
    end: Callable[[Watch], None]
    words: str
    about: str = "practice"


def ops(watch: Watch) -> Connection:
    return watch.database.connect(Login.OPS)


def wait_in_queue(watch: Watch, minutes: int) -> None:
    steps.submit(watch.database)
    watch.execute(
        "update billcopy.requests set (received_at, not_before) ="
        " (now() - make_interval(mins => %s), now() - make_interval(mins => %s))",
        minutes,
        minutes,
    )


def cancel_all(watch: Watch) -> None:
    watch.execute("update billcopy.requests set state = 'cancelled' where state = 'queued'")


def confirmed(watch: Watch, *, row: str = "row-1") -> int:
    """A request with one confirmed delivery; the delivery's number."""
    number = steps.submit(watch.database, recipient="a@x.ie", check_value="BH1 1AA")
    bot = watch.database.connect(Login.BOT)
    request = steps.claim(bot)
    (delivery,) = steps.plan(bot, request)
    assert steps.begin(bot, request, delivery) == "go"
    steps.confirm(bot, request, delivery, row)
    assert steps.settle(bot, request)[0] == "delivered"
    steps.hang_up(watch.database, bot)
    assert number == request.request_id
    return delivery.delivery_id


def in_doubt(watch: Watch) -> None:
    steps.submit(watch.database, recipient="a@x.ie", check_value="BH1 1AA")
    bot = watch.database.connect(Login.BOT)
    request = steps.claim(bot)
    (delivery,) = steps.plan(bot, request)
    steps.begin(bot, request, delivery)
    watch.execute(EXPIRE)
    assert request_queue.rescue(ops(watch), actor="tests")
    watch.execute("update billcopy.deliveries set sending_at = now() - interval '31 minutes'")


def settle_doubt(watch: Watch) -> None:
    watch.execute(
        "update billcopy.deliveries set state = 'confirmed', proof_kind = 'sent_log',"
        " proof_value = 'row-9', confirmed_at = now() where state = 'in_doubt'"
    )


def rescued_again_and_again(watch: Watch) -> None:
    steps.submit(watch.database)
    bot = watch.database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(3):
        steps.claim(bot, run)
        watch.execute(EXPIRE)
        assert request_queue.rescue(ops(watch), actor="tests")
        watch.execute("update billcopy.requests set not_before = now()")


def read_password(watch: Watch, *, version: int, days: int) -> None:
    bot = watch.database.connect(Login.BOT)
    request_queue.record_credential_read(
        bot,
        steps.start_bot_run(bot),
        path="secret/billcopy/portals/practice",
        version=version,
        outcome="read",
        expires_at=datetime.now(UTC) + timedelta(days=days),
    )
    steps.hang_up(watch.database, bot)


def sent_twice(watch: Watch) -> None:
    """What the queue itself never does: only a fault, or a hand in the database."""
    confirmed(watch)
    watch.execute("update billcopy.portals set duplicate_window = '0'")
    confirmed(watch, row="row-2")
    watch.execute("update billcopy.portals set duplicate_window = '30 days'")


def acknowledge_all(watch: Watch) -> None:
    for alarm in request_queue.list_alarms(ops(watch)):
        request_queue.acknowledge_alarm(
            ops(watch), alarm["alarm_id"], actor="mary", reason="found out why"
        )


def orphan(watch: Watch) -> None:
    bot = watch.database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    watch.execute(
        "insert into billcopy.reconciliations (portal, since, bot_run_id) values"
        " ('practice', now() - interval '1 day', %s)",
        run,
    )
    watch.execute(
        "insert into billcopy.reconciliation_findings"
        " (portal, kind, subject, invoice_number, found_by)"
        " select 'practice', 'row_without_delivery', 'row-77', 'INV-1', id"
        " from billcopy.reconciliations"
    )


def find_again(watch: Watch) -> None:
    """The comparison of the next day finds the same row, though a person has looked after it."""
    watch.execute("update billcopy.reconciliation_findings set last_found_at = now()")


def disk_full(watch: Watch) -> None:
    watch.settings = watch.settings.model_copy(update={"min_free_bytes": 1 << 60})


def disk_empty(watch: Watch) -> None:
    watch.settings = watch.settings.model_copy(update={"min_free_bytes": 0})


def trip(watch: Watch) -> None:
    watch.execute(
        "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'SIGN_IN_REFUSED'"
    )


TROUBLES = {
    "oldest_queued": Trouble(
        lambda watch: wait_in_queue(watch, 61), cancel_all, "the oldest for 61 min"
    ),
    "nothing_confirmed": Trouble(
        lambda watch: wait_in_queue(watch, 61),
        cancel_all,
        "for 61 min, though 1 request(s) are due",
    ),
    "breaker_open": Trouble(
        trip,
        lambda watch: request_queue.close_breaker(
            ops(watch), "practice", actor="mary", reason="new password"
        ),
        "closed by its breaker, until a person closes it",
    ),
    "orphan": Trouble(orphan, acknowledge_all, "1 row(s) without a delivery of ours"),
    "duplicate_seen": Trouble(
        sent_twice, acknowledge_all, "repeats a bill of request", r"delivery \d+"
    ),
    "in_doubt": Trouble(in_doubt, settle_doubt, "1 delivery(ies) at portal practice are in doubt"),
    "rescue_loop": Trouble(
        rescued_again_and_again,
        lambda watch: watch.execute(
            "update billcopy.attempts set ended_at = now() - interval '61 minutes'"
        ),
        "3 times within an hour",
        r"request \d+",
    ),
    "password_expiring": Trouble(
        lambda watch: read_password(watch, version=7, days=13),
        lambda watch: read_password(watch, version=8, days=90),
        "(version 7) expires on",
    ),
    "disk_low": Trouble(disk_full, disk_empty, "Bots claim nothing below", "evidence folder"),
    "scheduler_silent": Trouble(
        lambda watch: watch.execute(
            "update billcopy.signs_of_life set seen_at = now() - interval '6 minutes'"
        ),
        lambda watch: request_queue.record_sign_of_life(ops(watch), "scheduler"),
        "has not run for 6 min",
        "",
    ),
    "reconciliation_overdue": Trouble(
        lambda watch: (
            confirmed(watch),
            watch.execute(
                "update billcopy.deliveries set confirmed_at = now() - interval '37 hours'"
            ),
        ),
        lambda watch: (
            orphan(watch),
            watch.execute(
                "update billcopy.reconciliations set finished_at = now(), complete = true,"
                " whole_log = true, rows_read = 1, deliveries_checked = 1, deliveries_unchecked = 0"
            ),
            watch.execute("update billcopy.reconciliation_findings set gone_at = now()"),
        ),
        "there was none",
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_told_by_mail_and_webhook_and_so_is_its_end(
    watch: Watch, condition: str
) -> None:
    row, trouble = CONDITIONS[condition], TROUBLES[condition]
    assert watch.look().alarms == []
    trouble.provoke(watch)
    watch.look()
    about = re.compile(re.escape(f"alarm: {row.title}") + rf"( \({trouble.about}\))?$")
    (mail,) = [mail for mail in watch.mails() if about.search(mail[0])]
    assert trouble.words in mail[1]
    assert f"docs/operations.md#{row.runbook}" in mail[1]
    assert row.severity in mail[1]
    assert "{" not in mail[1]
    assert mail[0] in watch.hooked()
    (alarm,) = [
        one
        for one in request_queue.list_alarms(ops(watch))
        if about.search(f"alarm: {row.title} ({one['key']})".replace(" ()", ""))
        and one["condition"] == condition
    ]
    assert alarm["untold"] == 0

    trouble.end(watch)
    assert condition not in [one["condition"] for one in watch.look().alarms]
    over = mail[0].replace("alarm", "all-clear", 1)
    assert watch.subjects().count(over) == watch.hooked().count(over) == 1
    watch.look()
    assert watch.subjects().count(mail[0]) == watch.subjects().count(over) == 1


def test_the_same_alarm_a_hundred_times_is_one_mail(watch: Watch) -> None:
    trip(watch)
    for _ in range(100):
        watch.look()
    assert watch.subjects() == ["billcopy alarm: breaker open (practice)"] == watch.hooked()


def test_a_mail_server_that_is_down_gets_it_at_the_next_pass(watch: Watch, tmp_path) -> None:
    port = free_port()
    late = watch.with_settings(smtp_port=port)
    trip(watch)
    for _ in range(3):
        look = late.look()
    assert list(look.untold) == ["mail"]
    assert "127.0.0.1" in look.untold["mail"]
    assert watch.hooked() == ["billcopy alarm: breaker open (practice)"]  # the other is told
    # It is over before the mail server is back: it is told both, in order.
    request_queue.close_breaker(ops(watch), "practice", actor="mary", reason="new password")
    late.look()
    with sinks.running(tmp_path / "late", port=port) as sink:
        late.sink = sink
        assert late.look().untold == {}
        assert late.subjects() == [
            "billcopy alarm: breaker open (practice)",
            "billcopy all-clear: breaker open (practice)",
        ]
        late.look()
        assert len(late.subjects()) == 2


def test_a_webhook_that_refuses_is_told_later(watch: Watch) -> None:
    watch.hook.status = 503
    trip(watch)
    assert list(watch.look().untold) == ["hook"]
    assert len(watch.subjects()) == 1
    watch.hook.status = 200
    assert watch.look().untold == {}
    assert watch.hooked() == watch.subjects()


def test_an_alarm_that_stays_is_told_again_until_somebody_sees_to_it(watch: Watch) -> None:
    trip(watch)
    day = "update billcopy.alarm_notices set sent_at = sent_at - interval '25 hours'"
    watch.look()
    watch.execute(day)
    watch.look()
    still = "billcopy still: breaker open (practice)"
    assert watch.subjects() == ["billcopy alarm: breaker open (practice)", still]
    (alarm,) = request_queue.list_alarms(ops(watch))
    request_queue.acknowledge_alarm(ops(watch), alarm["alarm_id"], actor="mary", reason="mine")
    watch.execute(day)
    watch.look()
    assert watch.subjects().count(still) == 1
    events = (
        "select actor, reason, detail ->> 'condition' from billcopy.events where entity = 'alarm'"
    )
    assert watch.execute(events) == [("mary", "mine", "breaker_open")]


def test_an_alarm_that_is_over_or_unknown_cannot_be_acknowledged(watch: Watch) -> None:
    with pytest.raises(errors.NotFound):
        request_queue.acknowledge_alarm(ops(watch), 4711, actor="mary", reason="mine")
    trip(watch)
    (alarm,) = watch.look().alarms
    request_queue.close_breaker(ops(watch), "practice", actor="mary", reason="new password")
    watch.look()
    with pytest.raises(errors.IllegalTransition):
        request_queue.acknowledge_alarm(ops(watch), alarm["alarm_id"], actor="m", reason="mine")


def test_a_person_has_looked_after_an_orphan_for_good(watch: Watch) -> None:
    orphan(watch)
    watch.look()
    acknowledge_all(watch)
    watch.look()
    find_again(watch)
    assert watch.look().alarms == []
    assert len(watch.subjects()) == 2


def test_what_comes_again_is_told_again(watch: Watch) -> None:
    for _ in range(2):
        trip(watch)
        watch.look()
        request_queue.close_breaker(ops(watch), "practice", actor="mary", reason="new password")
        watch.look()
    assert [one.split(":")[0] for one in watch.subjects()] == [
        "billcopy alarm",
        "billcopy all-clear",
    ] * 2


def test_within_maintenance_nobody_expects_the_queue_to_move(watch: Watch) -> None:
    wait_in_queue(watch, 61)
    now = datetime.now(UTC)
    request_queue.schedule_maintenance(
        ops(watch),
        "practice",
        now - timedelta(minutes=5),
        now + timedelta(hours=1),
        actor="mary",
        reason="bank closed",
    )
    assert watch.look().alarms == []


def test_no_mail_shows_an_account_or_a_recipient(watch: Watch) -> None:
    steps.submit(watch.database, account="4027310", recipient="grace@x.ie", check_value="BH1 1AA")
    in_doubt(watch)
    orphan(watch)
    watch.look()
    everything = " ".join(text for _, text in watch.mails())
    assert MAIL_TO not in everything
    for secret in ("4027310", "grace@x.ie", "a@x.ie", "BH1 1AA"):
        assert secret not in everything


def test_a_second_watch_does_not_tell(watch: Watch) -> None:
    assert request_queue.take_watch(watch.connection)
    other = databases.connect(watch.settings, Login.WATCH)
    assert not request_queue.take_watch(other)
    other.close()


# -- the page --------------------------------------------------------------------------------------


def rows_of_the_page() -> dict[str, list[str]]:
    page = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.M)
    return {name: [cell.strip() for cell in rest.split(" | ")] for name, rest in table}


def test_the_page_has_the_conditions_of_the_code_and_no_others() -> None:
    page = rows_of_the_page()
    assert set(CONDITIONS) == {name for name in page if name in CONDITIONS} == set(TROUBLES)
    for name, row in CONDITIONS.items():
        severity, text, next_action, limit = page[name]
        assert severity == row.severity
        assert text == row.text
        link = f"[{row.runbook}](operations.md#{row.runbook})"
        assert next_action == f"{row.next_action} {link}".replace("|", "\\|")
        assert limit == (f"`{row.limit}`" if row.limit else "at once")


def test_every_runbook_link_leads_to_a_heading() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    headings = {anchor(one) for one in re.findall(r"^#+ (.+)$", operations, re.M)}
    assert {row.runbook for row in CONDITIONS.values()} <= headings
