"""The commands about personal data."""

from __future__ import annotations

from datetime import date

import pytest
from typer.testing import CliRunner

from billcopy.cli.app import app
from tests.cli_fixtures import Run, answer
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.retention_fixtures import ACCOUNT, PERSONAL, everything, files, finished

WHY = ("--actor", "olga", "--reason", "routine")


def test_a_dry_run_shows_each_place_and_changes_nothing(billcopy: Run, database: Database) -> None:
    finished(database, days=91)
    before = everything(database)
    shown = billcopy("retention", "--dry-run", "--actor", "olga").stdout
    for place in ("subjects", "keys", "evidence", "left-over files", "Robot output"):
        assert place in shown
    assert "Nothing was changed." in shown
    counted = {
        one["name"]: one["due"] for one in answer(billcopy("retention", "--dry-run", "--json"))
    }
    assert (counted["subjects"], counted["evidence"]) == (1, 1)
    assert everything(database) == before


def test_retention_erases_and_the_story_can_still_be_told(
    billcopy: Run, database: Database
) -> None:
    number = finished(database, days=91)
    done = {one["name"]: one["erased"] for one in answer(billcopy("retention", "--json", *WHY))}
    assert (done["subjects"], done["keys"], done["evidence"]) == (1, 1, 1)
    told = billcopy("story", number).stdout
    assert "••••18" in told
    assert "subject erased, by olga: routine" in told
    assert "confirmation, invoice INV-0000: erased" in told
    assert [text for text in PERSONAL if text in told] == []
    assert "has been erased" in billcopy("reveal", number, *WHY, code=1).stderr
    assert answer(billcopy("story", number, "--json"))["request"]["state"] == "delivered"


def test_a_place_that_does_not_work_is_told_and_the_exit_code_says_so(
    billcopy: Run, database: Database
) -> None:
    finished(database, days=91)
    steps.execute(database, "update billcopy.evidence set url = 'file:///elsewhere/x.jpg'")
    told = billcopy("retention", *WHY, code=3)
    assert "evidence: OSError" in told.stderr
    assert ACCOUNT not in everything(database)


def test_a_legal_hold_is_set_shown_and_lifted(billcopy: Run, database: Database) -> None:
    number = finished(database, days=91)
    court = ("--actor", "olga", "--reason", "case 7")
    assert "is on legal hold." in billcopy("legal-hold", number, *court).stdout
    assert "by olga: case 7" in billcopy("story", number).stdout
    assert "already" in billcopy("legal-hold", number, *court, code=1).stderr
    shown = {one["name"]: one for one in answer(billcopy("retention", "--json", *WHY))}
    assert (shown["subjects"]["erased"], shown["subjects"]["held"]) == (0, 1)
    assert "on legal hold, by olga" in billcopy("erase", number, *WHY, code=1).stderr
    billcopy("legal-hold-lift", number, *WHY)
    assert len(files(database)) == 1
    billcopy("retention", *WHY)
    assert files(database) == []
    late = billcopy("legal-hold", number, *court).stdout
    assert "Its personal data were erased before." in late


def test_subject_export_prints_all_that_is_held(billcopy: Run, database: Database) -> None:
    number = finished(database)
    told = answer(billcopy("subject", "export", ACCOUNT, "--portal", "practice", *WHY))
    assert [one["request"]["id"] for one in told] == [number]
    assert told[0]["subject"]["account"] == ACCOUNT
    assert "no portal" in billcopy("subject", "export", "1", "--portal", "x", *WHY, code=1).stderr


def test_subject_erase_says_what_stays_and_why(billcopy: Run, database: Database) -> None:
    gone = finished(database)
    held = finished(database, period_to=date(2025, 7, 31))
    waits = steps.submit(database, account=ACCOUNT, period_to=date(2025, 8, 31))
    other = finished(database, account="4027399", priority=1)
    billcopy("legal-hold", held, "--actor", "olga", "--reason", "case 7")
    shown = billcopy("subject", "erase", ACCOUNT, *WHY).stdout
    assert f"Request {gone}: erased." in shown
    assert f"Request {held} stays: it is on legal hold." in shown
    assert f"Request {waits} stays: it is open" in shown
    assert "1 of 3 requests are erased, 1 pieces of evidence deleted." in shown
    clear = "select request_id from billcopy.request_subjects where account is not null order by 1"
    assert steps.execute(database, clear) == [(held,), (waits,), (other,)]
    assert len(files(database)) == 2
    again = billcopy("subject", "erase", ACCOUNT, *WHY).stdout
    assert "1 of 3 requests are erased, 0 pieces of evidence deleted." in again


def test_subject_erase_tells_what_it_erased_also_when_the_store_refuses(
    billcopy: Run, database: Database
) -> None:
    number = finished(database)
    url = steps.execute(database, "select url from billcopy.evidence")[0][0]
    steps.execute(database, "update billcopy.evidence set url = 'file:///elsewhere/x.jpg'")
    told = billcopy("subject", "erase", ACCOUNT, *WHY, code=3)
    assert f"Request {number}: erased." in told.stdout
    assert "0 pieces of evidence deleted." in told.stdout
    assert "does not lie in the store" in told.stderr
    assert "UNEXPECTED" not in told.stderr
    steps.execute(database, "update billcopy.evidence set url = %s", url)
    again = billcopy("subject", "erase", ACCOUNT, *WHY).stdout
    assert "1 pieces of evidence deleted." in again
    assert files(database) == []


@pytest.mark.parametrize("command", ["export", "erase"])
def test_a_subject_command_wants_to_know_who_and_why(billcopy: Run, command: str) -> None:
    assert "Missing option" in billcopy("subject", command, ACCOUNT, code=2).stderr


def test_operations_alone_run_it(billcopy: Run, database: Database) -> None:
    steps.execute(database, "revoke execute on function billcopy.set_legal_hold from billcopy_ops")
    number = finished(database)
    assert "permission denied" in billcopy("legal-hold", number, *WHY, code=1).stderr


def test_the_account_can_be_typed_in_so_that_no_shell_keeps_it(
    billcopy: Run, database: Database
) -> None:
    finished(database)
    words = ["subject", "erase", "-", *WHY]
    done = CliRunner().invoke(app, words, input=f"{ACCOUNT}\n")
    assert "1 of 1 requests are erased" in done.stdout
    assert "account: must be given" in CliRunner().invoke(app, words, input="").stderr
