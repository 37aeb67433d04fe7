"""A customer's own data for the customer, and a history that nobody rewrites."""

from __future__ import annotations

import psycopg2
import pytest

from billcopy import errors
from billcopy.database import Login
from billcopy.request_queue import retention as queue
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.retention_fixtures import (
    ACCOUNT,
    RECIPIENT,
    everything,
    finished,
    run,
    story,
)

# -- a customer's own data -------------------------------------------------------------------------


def test_an_export_holds_everything_about_one_account_and_is_recorded(database: Database) -> None:
    first = finished(database)
    second = steps.submit(database, account=ACCOUNT, period_from=steps.JANUARY.replace(month=2))
    finished(database, account="4027399", priority=1)
    ops = database.connect(Login.OPS)
    told = queue.export_subject(ops, ACCOUNT, portal="practice", actor="olga", reason="letter 7")
    assert [one["request"]["id"] for one in told] == [first, second]
    assert told[0]["subject"]["account"] == ACCOUNT
    assert told[0]["subject"]["recipient"] == RECIPIENT
    assert told[0]["deliveries"][0]["screen_confirmation"] == f"Sent to {RECIPIENT}"
    assert "hmac" not in str(told)
    recorded = steps.execute(
        database,
        "select entity, entity_id, actor, reason from billcopy.events"
        " where event = 'subject exported' order by id",
    )
    assert recorded == [
        ("request", str(first), "olga", "letter 7"),
        ("request", str(second), "olga", "letter 7"),
        ("portal", "practice", "olga", "letter 7"),
    ]


def test_also_an_export_that_finds_nothing_is_recorded_without_the_account(
    database: Database,
) -> None:
    ops = database.connect(Login.OPS)
    assert queue.export_subject(ops, "4099999", portal=None, actor="olga", reason="letter") == []
    with pytest.raises(errors.InputError, match="no portal"):
        queue.export_subject(ops, ACCOUNT, portal="nowhere", actor="olga", reason="letter")
    with pytest.raises(errors.InputError, match="must say why"):
        queue.export_subject(ops, ACCOUNT, portal=None, actor="olga", reason="")
    assert steps.execute(
        database, "select entity_id, detail from billcopy.events where event = 'subject exported'"
    ) == [("*", {"requests": 0})]
    assert "4099999" not in everything(database)


# -- history ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "reason = null",
        "reason = 'something else'",
        "actor = 'x', reason = '(erased)'",
        "at = now(), reason = '(erased)'",
        "detail = '{}', event = 'x', reason = '(erased)'",
    ],
)
def test_history_cannot_be_changed_even_of_an_erased_request(
    database: Database, change: str
) -> None:
    finished(database, days=91)
    run(database)
    with pytest.raises(psycopg2.Error, match="append-only"):
        steps.execute(
            database, f"update billcopy.events set {change} where event = 'subject erased'"
        )


def test_what_was_typed_stays_until_the_request_is_erased(database: Database) -> None:
    finished(database)
    with pytest.raises(psycopg2.Error, match="append-only"):
        steps.execute(
            database, "update billcopy.events set reason = '(erased)' where reason is not null"
        )


def test_reasons_before_the_erasure_go_and_those_of_the_erasure_stay(database: Database) -> None:
    """As docs/retention.md says, also of holds and exports; the portal's own line stays."""
    number = finished(database, days=91)
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, number, actor="olga", reason="hold for Mary")
    queue.lift_legal_hold(ops, number, actor="olga", reason="lifted for Mary")
    queue.export_subject(ops, ACCOUNT, portal="practice", actor="olga", reason="letter 7")
    run(database)
    queue.set_legal_hold(ops, number, actor="olga", reason="late")
    told = {event["event"]: event["reason"] for event in story(database, number).events}
    for event in ("legal hold lifted", "subject exported", "priority set"):
        assert told[event] == "(erased)"
    assert (told["subject erased"], told["legal hold set"]) == ("routine", "late")
    assert "Mary" not in everything(database)
    of_portal = (
        "select reason from billcopy.events where entity = 'portal' and event = 'subject exported'"
    )
    assert steps.execute(database, of_portal) == [("letter 7",)]
