"""What goes when its time is over, what stays, and what keeps it: against a real Postgres."""

from __future__ import annotations

from datetime import timedelta

import psycopg2
import pytest

from billcopy import errors, request_queue, retention
from billcopy.database import Login
from billcopy.request_queue import retention as queue
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.retention_fixtures import (
    ACCOUNT,
    CHECK,
    PERSONAL,
    RECIPIENT,
    WHO,
    age,
    erased,
    everything,
    files,
    finished,
    rejected,
    run,
    story,
)

# -- what goes, what stays -------------------------------------------------------------------------


def test_everything_personal_goes_and_the_masked_trail_stays(database: Database) -> None:
    number = finished(database, days=91)
    before = story(database, number)
    held = everything(database)
    assert all(text in held for text in PERSONAL)
    assert len(files(database)) == 1

    done = erased(database)

    assert done == {"subjects": 1, "keys": 1, "evidence": 1}
    left = everything(database)
    assert [text for text in PERSONAL if text in left] == []
    assert files(database) == []
    told = story(database, number)
    assert told.request["account_masked"] == before.request["account_masked"] == "••••18"
    assert told.request["state"] == "delivered"
    assert told.request["erased"] is True
    assert told.request["resend_reason"] == "(erased)"
    kept = ("id", "event", "from_state", "to_state", "reason_code", "actor", "at", "detail")
    trail = [{key: event[key] for key in kept} for event in before.events]
    assert [{key: event[key] for key in kept} for event in told.events][: len(trail)] == trail
    added = [event["event"] for event in told.events][len(trail) :]
    assert added == ["subject erased", "evidence erased", "keys erased"]
    assert [event["reason"] for event in told.events][-3:] == ["routine"] * 3
    assert [row["proof_value"] for row in told.deliveries] == [f"row-{number}"]
    assert [row["recipient_masked"] for row in told.deliveries] == ["m•••@•••.ie"]
    assert [step["step"] for step in told.steps] == ["looked"]
    assert told.evidence[0]["erased_at"] is not None
    assert told.evidence[0]["digest"] == before.evidence[0]["digest"]


def test_a_second_pass_finds_nothing_and_changes_nothing(database: Database) -> None:
    finished(database, days=91)
    run(database)
    after = everything(database)
    assert erased(database) == {}
    assert everything(database) == after


def test_a_look_counts_and_changes_nothing(database: Database) -> None:
    finished(database, days=91)
    finished(database, days=1, account="4027311")
    held = finished(database, days=91, account="4027312")
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, held, actor="olga", reason="court")
    before, stored = everything(database), files(database)
    found = retention.look(ops, retention.begin(database.settings, **WHO))
    counted = {place.name: (place.due, place.erased, place.held) for place in found}
    assert counted["subjects"] == (1, 0, 1)
    assert counted["evidence"] == (1, 0, 1)
    assert everything(database) == before
    assert files(database) == stored


def test_a_look_counts_what_the_pass_then_erases(database: Database) -> None:
    """Also hashes, which are due only because the same pass erases the account before them."""
    finished(database, days=91)
    finished(database, days=91, account="4027311")
    held = finished(database, days=91, account="4027312")
    finished(database, days=1, account="4027313")
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, held, actor="olga", reason="court")
    found = retention.look(ops, retention.begin(database.settings, **WHO))
    looked = {place.name: (place.due, place.held) for place in found if place.due}
    assert looked == {"subjects": (2, 1), "keys": (2, 1), "evidence": (2, 1)}
    done = run(database)
    assert {name: (one.erased, one.held) for name, one in done.items() if one.erased} == looked


def test_what_a_portal_says_of_the_request_that_opened_its_breaker_goes_too(
    database: Database,
) -> None:
    finished(database, days=91)
    other = finished(database, days=1, account="4027311")
    text = "update billcopy.portals set breaker_detail = %s, breaker_request_id = %s"
    steps.execute(database, text, f"no row for {CHECK}", other)
    run(database)
    detail = "select breaker_detail from billcopy.portals where name = 'practice'"
    assert steps.execute(database, detail) == [(f"no row for {CHECK}",)]
    age(database, other, 91)
    run(database)
    assert steps.execute(database, detail) == [("(erased)",)]


@pytest.mark.parametrize(("days", "is_due"), [(89.9, False), (90.1, True)])
def test_the_clock_runs_from_when_it_finished(
    database: Database, days: float, is_due: bool
) -> None:
    finished(database, days=days)
    expected = {"subjects": 1, "keys": 1, "evidence": 1} if is_due else {}
    assert erased(database) == expected


def test_each_place_has_a_time_of_its_own(database: Database) -> None:
    finished(database, days=40)
    done = run(database, retention_subject_days=60, retention_evidence_days=30)
    assert (done["subjects"].erased, done["evidence"].erased) == (0, 1)
    done = run(database, retention_subject_days=30, retention_evidence_days=60)
    assert (done["subjects"].erased, done["evidence"].erased) == (1, 0)


def test_more_than_one_batch_is_worked_off(database: Database) -> None:
    for n in range(5):
        finished(database, days=91, account=f"402732{n}")
    done = run(database, retention_batch=2)
    assert (done["subjects"].erased, done["evidence"].erased, done["keys"].erased) == (5, 5, 5)


# -- hashes ----------------------------------------------------------------------------------------


def test_hashes_stay_as_long_as_a_second_mail_could_be_sent(database: Database) -> None:
    number = finished(database, days=29, resend_reason=None)
    ops = database.connect(Login.OPS)
    assert queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO) == {number: "erased"}
    assert run(database)["keys"].erased == 0
    steps.submit(database, account=ACCOUNT, recipient=RECIPIENT, check_value="F")
    bot = database.connect(Login.BOT)
    (delivery,) = steps.plan(bot, steps.claim(bot))
    assert delivery.state == "duplicate"
    steps.hang_up(database, bot)
    age(database, number, 1.1)
    assert run(database)["keys"].erased == 1
    hashes = "select account_hmac, recipient_hmac from billcopy.requests where id = %s"
    assert steps.execute(database, hashes, number) == [(None, None)]
    of_deliveries = "select recipient_hmac from billcopy.deliveries where request_id = %s"
    assert steps.execute(database, of_deliveries, number) == [(None,)]


def test_an_open_request_cannot_lose_its_hash(database: Database) -> None:
    steps.submit(database)
    with pytest.raises(psycopg2.errors.CheckViolation, match="an_open_request_knows"):
        steps.execute(database, "update billcopy.requests set account_hmac = null")


# -- what keeps it ---------------------------------------------------------------------------------


def test_a_legal_hold_keeps_everything_until_it_is_lifted(database: Database) -> None:
    number = finished(database, days=400)
    ops = database.connect(Login.OPS)
    assert queue.set_legal_hold(ops, number, actor="olga", reason="court") is True
    done = run(database)
    assert {name: place.erased for name, place in done.items() if place.erased} == {}
    assert (done["subjects"].held, done["evidence"].held) == (1, 1)
    assert queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO) == {number: "legal_hold"}
    with pytest.raises(errors.IllegalTransition, match="legal hold, by olga"):
        request_queue.erase_subject(ops, number, **WHO)
    with pytest.raises(errors.NotPermitted, match="must stay"):
        queue.mark_evidence_erased(ops, [story(database, number).evidence[0]["id"]], **WHO)
    assert all(text in everything(database) for text in PERSONAL)
    queue.lift_legal_hold(ops, number, actor="pat", reason="case closed")
    assert erased(database) == {"subjects": 1, "keys": 1, "evidence": 1}
    with pytest.raises(errors.IllegalTransition, match="not on legal hold"):
        queue.lift_legal_hold(ops, number, actor="pat", reason="again")


def test_a_legal_hold_is_set_once_and_says_who_and_why(database: Database) -> None:
    number = rejected(database)
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, number, actor="olga", reason="court")
    with pytest.raises(errors.IllegalTransition, match="already, by olga"):
        queue.set_legal_hold(ops, number, actor="pat", reason="court")
    with pytest.raises(errors.InputError, match="must say why"):
        queue.lift_legal_hold(ops, number, actor="pat", reason=" ")
    with pytest.raises(errors.NotFound):
        queue.set_legal_hold(ops, 999, actor="olga", reason="court")
    with pytest.raises(psycopg2.errors.CheckViolation, match="legal_hold_says_who"):
        steps.execute(database, "update billcopy.requests set legal_hold_by = null")
    events = [event["event"] for event in story(database, number).events]
    assert events[-1] == "legal hold set"


def test_a_legal_hold_after_erasure_says_that_it_comes_late(database: Database) -> None:
    number = finished(database, days=91)
    run(database)
    ops = database.connect(Login.OPS)
    assert queue.set_legal_hold(ops, number, actor="olga", reason="court") is False


def test_open_requests_stay(database: Database) -> None:
    queued = steps.submit(database, account=ACCOUNT)
    steps.execute(
        database, "update billcopy.requests set received_at = now() - interval '900 days'"
    )
    ops = database.connect(Login.OPS)
    assert erased(database) == {}
    assert queue.erase_subjects_of(ops, ACCOUNT, portal="practice", **WHO) == {queued: "open"}
    steps.claim(database.connect(Login.BOT))
    assert queue.erase_subjects_of(ops, ACCOUNT, portal="practice", **WHO) == {queued: "open"}
    assert steps.execute(database, "select account from billcopy.request_subjects") == [(ACCOUNT,)]


@pytest.mark.parametrize("state", ["sending", "in_doubt"])
def test_what_may_be_under_way_stays(database: Database, state: str) -> None:
    """No guarded path leads there; should one ever, nothing is erased."""
    number = finished(database, days=91)
    steps.execute(
        database,
        "alter table billcopy.deliveries disable trigger user;"
        f" update billcopy.deliveries set state = '{state}', confirmed_at = null,"
        " proof_kind = null, proof_value = null;"
        " alter table billcopy.deliveries enable trigger user",
    )
    ops = database.connect(Login.OPS)
    assert erased(database) == {}
    assert queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO) == {number: "under_way"}
    with pytest.raises(errors.IllegalTransition, match="under way"):
        request_queue.erase_subject(ops, number, **WHO)


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [Login.DESK, Login.BOT, Login.REPORTING, Login.WATCH])
def test_only_operations_may_erase_hold_or_export(database: Database, login: Login) -> None:
    other = database.connect(login)
    for call in (
        lambda: queue.set_legal_hold(other, 1, **WHO),
        lambda: queue.lift_legal_hold(other, 1, **WHO),
        lambda: queue.export_subject(other, ACCOUNT, portal=None, **WHO),
        lambda: queue.erase_subjects_of(other, ACCOUNT, portal=None, **WHO),
        lambda: queue.erase_due_subjects(other, timedelta(0), limit=1, **WHO),
        lambda: queue.erase_due_keys(other, limit=1, **WHO),
        lambda: queue.take_due_evidence(other, timedelta(0), limit=1),
        lambda: queue.mark_evidence_erased(other, [1], **WHO),
        lambda: queue.bot_runs_to_keep(other),
        lambda: retention.look(other, retention.begin(database.settings, **WHO)),
    ):
        with pytest.raises(errors.NotPermitted):
            call()
