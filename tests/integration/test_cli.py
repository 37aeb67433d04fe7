"""The command line against a real database: what is done, what is refused, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from billcopy import request_queue
from billcopy.database import Login
from tests.cli_fixtures import Run, answer
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

SUBMIT = ("submit", "--portal", "practice", "--from", "2026-01-01", "--to", "2026-03-31")
WHY = ("--reason", "the customer called")


def submitted(billcopy: Run, account: str = "4027310", *more: str) -> int:
    number: int = answer(billcopy(*SUBMIT, "--account", account, *more, "--json"))["request"]
    return number


def state(billcopy: Run, request_id: int) -> str:
    told = answer(billcopy("story", request_id, "--json"))
    found: str = told["request"]["state"]
    return found


# -- submit ----------------------------------------------------------------------------------------


def test_a_request_is_submitted_with_its_options(billcopy: Run) -> None:
    number = submitted(
        billcopy, "4027310", "--recipient", "a@b.example", "--check-value", "O'Brien",
        "--reference", "T-1", "--priority", "urgent", "--due", "2030-01-31",
    )  # fmt: skip
    request = answer(billcopy("story", number, "--json"))["request"]
    assert request["priority"] == 1
    assert request["reference"] == "T-1"
    assert request["requested_by"] == "casey"
    assert request["due_at"].startswith("2030-01-31")
    assert (request["state"], request["channel"]) == ("queued", "cli")


def test_a_submitted_request_is_told_in_one_line(billcopy: Run) -> None:
    assert billcopy(*SUBMIT, "--account", "4027310").stdout == "Request 1 is queued.\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--account", "12"), "INPUT: account: is not an account number of Practice Bank"),
        (("--account", "4027310", "--portal", "nowhere"), 'portal: no portal is called "nowhere"'),
        (("--account", "4027310", "--from", "2026-04-01"), "period_to: must not lie before"),
        (("--account", "4027310", "--to", "2099-01-01"), "period_to: must not lie in the future"),
        (("--account", "4027310", "--from", "2020-01-01"), "period_to: must lie within 24 months"),
        (("--account", "4027310", "--recipient", "a@b"), "recipient: is not an e-mail address"),
        (
            ("--account", "4027310", "--recipient", "a@b.example\nBcc: c@d.example"),
            "recipient: holds a line break",
        ),
        (("--account", "4027310", "--recipient", "a@b.example"), "check_value: must be given"),
        (("--account", "4027310\x00"), "account: holds an invisible control character"),
        (("--account", "4027310", "--actor", " "), "actor: must say who acts"),
        (("--account", "4027310", "--reference", "T" * 65), "reference: at most 64"),
    ],
)
def test_a_rule_that_is_broken_is_named_on_one_line(
    billcopy: Run, options: tuple[str, ...], told: str
) -> None:
    result = billcopy(*SUBMIT, *options, code=1)
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--account"),
        (("--account", "4027310", "--from", "2026-02-31"), "there is no 2026-02-31"),
        (("--account", "4027310", "--from", "01.02.2026"), "not written as YYYY-MM-DD"),
        (("--account", "4027310", "--from", "0226-02-01"), "the year 0226 cannot be meant"),
        (("--account", "4027310", "--priority", "high"), "none of 1 (urgent)"),
        (("--account", "4027310", "--csv", "x.csv"), "give one file, or --account"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_two(
    billcopy: Run, options: tuple[str, ...], told: str
) -> None:
    assert told in billcopy(*SUBMIT, *options, code=2).stderr


def test_whoever_does_not_say_who_they_are_is_refused(
    billcopy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BILLCOPY_ACTOR")
    for words in (SUBMIT, ("hold", "1", *WHY), ("stop", "practice", *WHY), ("rescue",)):
        assert "--actor" in billcopy(*words, code=2).stderr


def test_the_same_ask_twice_is_refused_and_names_the_open_one(billcopy: Run) -> None:
    number = submitted(billcopy)
    result = billcopy(*SUBMIT, "--account", "4027310", code=1)
    assert f"open already, as request {number}" in result.stderr


# -- files -----------------------------------------------------------------------------------------

FILE = """portal,account,period_from,period_to,reference
practice,4027310,2026-01-01,2026-01-31,T-1
practice,12,2026-01-01,2026-01-31,T-2
practice,4027311,2026-02-30,2026-03-31,T-3
practice,4027310,2026-01-01,2026-01-31,T-4
practice,4027312,2026-01-01,2026-01-31,T-5
"""


def test_every_row_of_a_file_is_reported(billcopy: Run, tmp_path: Path) -> None:
    file = tmp_path / "requests.csv"
    file.write_text(FILE)
    report = answer(billcopy("submit", "--csv", file, "--json", code=1))
    assert [(line["row"], line["outcome"]) for line in report] == [
        (2, "entered"), (3, "refused"), (4, "refused"), (5, "refused"), (6, "entered"),
    ]  # fmt: skip
    assert "account: is not an account number" in report[1]["why"][0]
    assert report[2]["why"] == ["period_from: there is no 2026-02-30 in the calendar"]
    assert report[3]["why"] == ["row: asks for the same as row 2"]
    assert [line["code"] for line in report] == [
        None, "account", "period_from", "row", None,
    ]  # fmt: skip
    shown = billcopy("submit", "--csv", file, code=1).stdout
    assert "5 rows: 0 entered, 2 were there already, 3 not entered." in shown


def test_a_file_submitted_twice_enters_once(
    billcopy: Run, tmp_path: Path, database: Database
) -> None:
    file = tmp_path / "requests.csv"
    file.write_text("\n".join([FILE.split("\n")[0], FILE.split("\n")[1]]))
    first = answer(billcopy("submit", "--csv", file, "--json"))
    again = answer(billcopy("submit", "--csv", file, "--json"))
    assert [first[0]["outcome"], again[0]["outcome"]] == ["entered", "there"]
    assert first[0]["request_id"] == again[0]["request_id"]


def test_a_file_that_cannot_be_trusted_enters_nothing(billcopy: Run, tmp_path: Path) -> None:
    file = tmp_path / "requests.csv"
    file.write_text(FILE.replace("reference", "colour"))
    result = billcopy("submit", "--csv", file, code=1)
    assert "requests.csv: the column “colour” is unknown" in result.stderr
    assert answer(billcopy("status", "--json"))[0]["states"] == {}


def test_a_mistake_that_is_no_rows_is_told_once(billcopy: Run, tmp_path: Path) -> None:
    file = tmp_path / "requests.csv"
    file.write_text(FILE)
    result = billcopy("submit", "--csv", file, "--actor", " ", code=1)
    assert result.output == "INPUT: actor: must say who acts\n"


def test_ten_thousand_rows_enter(billcopy: Run, tmp_path: Path) -> None:
    file = tmp_path / "requests.csv"
    lines = [f"practice,{n:08d},2026-01-01,2026-01-31" for n in range(10_000)]
    file.write_text("\n".join(["portal,account,period_from,period_to", *lines]))
    shown = billcopy("submit", "--csv", file).stdout
    assert "10000 rows: 10000 entered, 0 were there already, 0 not entered." in shown


# -- following and steering ------------------------------------------------------------------------


def test_the_status_says_what_waits_and_which_portal_is_closed(billcopy: Run) -> None:
    submitted(billcopy)
    shown = billcopy("status").stdout
    assert "practice (Practice Bank): open" in shown
    assert "1 queued" in shown
    billcopy("stop", "practice", *WHY)
    shown = billcopy("status").stdout
    assert "The portal is stopped. By casey" in shown
    assert "a person resumes it; 1 requests will wait then" in shown
    assert "the customer called" in shown
    billcopy("resume", "practice", *WHY)
    assert "practice (Practice Bank): open" in billcopy("status").stdout


def test_a_story_is_told_in_order_and_masked(billcopy: Run) -> None:
    number = submitted(billcopy, "4027310", "--recipient", "a@b.example", "--check-value", "Smith")
    billcopy("hold", number, *WHY)
    billcopy("release", number, *WHY)
    shown = billcopy("story", number).stdout
    assert f"Request {number}: queued" in shown
    order = [shown.index(word) for word in ("request queued", "request held", "(was held)")]
    assert order == sorted(order)
    assert "by casey: the customer called" in shown
    for secret in ("4027310", "a@b.example", "Smith"):
        assert secret not in shown
        assert secret not in billcopy("story", number, "--json").stdout


def test_an_account_is_revealed_to_a_named_person_and_recorded(billcopy: Run) -> None:
    number = submitted(billcopy)
    assert billcopy("reveal", number, *WHY).stdout == "4027310\n"
    assert "account revealed, by casey: the customer called" in billcopy("story", number).stdout


def test_a_request_is_held_released_made_urgent_and_cancelled(billcopy: Run) -> None:
    number = submitted(billcopy)
    assert billcopy("hold", number, *WHY).stdout == f"Request {number} is held.\n"
    assert billcopy("release", number, *WHY).stdout == f"Request {number} is queued.\n"
    billcopy("priority", number, "--to", "urgent", *WHY)
    assert billcopy("cancel", number, *WHY).stdout == f"Request {number} is cancelled.\n"
    assert state(billcopy, number) == "cancelled"


def test_one_refusal_does_not_stop_the_other_requests(billcopy: Run) -> None:
    number = submitted(billcopy)
    result = billcopy("hold", 999, number, *WHY, code=1)
    assert "NOT_FOUND: there is no request 999" in result.stderr
    assert state(billcopy, number) == "held"


def test_what_is_not_possible_in_this_state_is_said(billcopy: Run) -> None:
    number = submitted(billcopy)
    told = billcopy("release", number, *WHY, code=1).stderr
    assert told == f"ILLEGAL_TRANSITION: request {number} is queued, not held\n"


def test_a_request_that_is_not_there_is_told(billcopy: Run) -> None:
    assert "there is no request 77" in billcopy("story", 77, code=1).stderr
    assert "there is no request 77" in billcopy("requeue", 77, *WHY, code=1).stderr
    billcopy("story", "99999999999999999999", code=2)
    billcopy("story", "first", code=2)


def test_only_finished_requests_are_requeued(billcopy: Run) -> None:
    number = submitted(billcopy)
    result = billcopy("requeue", number, *WHY, code=1)
    assert f"Request {number} is in none of these states." in result.stdout
    assert "0 of 1 requests are back in the queue." in result.stdout
    assert "states: may be" in billcopy("requeue", number, "--states", "held", *WHY, code=1).stderr
    assert "give request numbers" in billcopy("requeue", *WHY, code=2).stderr
    shown = billcopy("requeue", "--received-from", "2026-01-01", *WHY).stdout
    assert "0 of 0 requests" in shown


def test_a_portal_is_closed_for_maintenance(billcopy: Run) -> None:
    billcopy("maintenance", "practice", "--from", "2026-01-01T00:00", "--to", "2099-01-01", *WHY)
    assert "closed for maintenance" in billcopy("status").stdout
    told = billcopy(
        "maintenance", "practice", "--from", "2099-01-02", "--to", "2099-01-01", *WHY, code=1
    )
    assert "ends_at: must lie after starts_at" in told.stderr


def test_a_portals_limits_are_set_by_name(billcopy: Run) -> None:
    shown = billcopy("portal-set", "practice", "max_attempts=5", "settle_window=70 s", *WHY).stdout
    assert shown == "practice: max_attempts is 5, settle_window is 70 s.\n"
    told = billcopy("portal-set", "practice", "colour=red", *WHY, code=1).stderr
    assert "colour: is not a setting of a portal" in told
    assert "is not KEY=VALUE" in billcopy("portal-set", "practice", "max", *WHY, code=2).stderr
    told = billcopy("portal-set", "practice", "max_attempts=many", *WHY, code=1).stderr
    assert 'INPUT: value: invalid input syntax for type integer: "many"' in told
    told = billcopy("portal-set", "practice", "renew_every=1 day", *WHY, code=1).stderr
    assert "must keep the rule “a click fits into a lease about to be renewed”" in told


def test_the_breaker_is_closed_only_when_it_is_open(billcopy: Run) -> None:
    assert "is not open" in billcopy("close-breaker", "practice", *WHY, code=1).stderr


def test_rescue_says_that_nothing_was_lost(billcopy: Run) -> None:
    assert billcopy("rescue").stdout == "0 requests were rescued.\n"


def test_doubts_are_decided_by_number(billcopy: Run) -> None:
    assert "there is no delivery 5" in billcopy("decide-doubt", 5, "--sent", *WHY, code=1).stderr
    assert "give one of" in billcopy("decide-doubt", 5, *WHY, code=2).stderr
    assert "give one of" in billcopy("decide-doubt", 5, "--sent", "--give-up", *WHY, code=2).stderr
    assert "there is no decision 5" in billcopy("approve-doubt", 5, *WHY, code=1).stderr


def test_a_doubt_is_decided_by_two_people(billcopy: Run, database: Database) -> None:
    number, doubtful = steps.held_in_doubt(database)
    delivery = doubtful.delivery_id
    said = billcopy("decide-doubt", delivery, "--sent", *WHY).stdout
    decision = said.split(":")[0].removeprefix("Decision ")
    assert f"approve-doubt {decision} --actor SOMEBODY-ELSE" in said
    assert f"number {decision}" in billcopy("story", number).stdout
    other = ("--actor", "mary", "--reason", "not so sure")
    told = billcopy("decide-doubt", delivery, "--not-sent", *other, code=1).stderr
    assert f"asked for decision {decision}" in told
    assert "another person" in billcopy("approve-doubt", decision, *WHY, code=1).stderr
    instead = ("--instead-of", decision)
    said = billcopy("decide-doubt", delivery, "--not-sent", *instead, *other).stdout
    decision = said.split(":")[0].removeprefix("Decision ")
    said = billcopy("approve-doubt", decision, *WHY).stdout
    assert said == "The delivery was not sent and will be sent again.\n"
    assert state(billcopy, number) == "queued"


def test_personal_data_of_a_finished_request_are_erased(billcopy: Run) -> None:
    number = submitted(billcopy)
    assert "only a finished one" in billcopy("erase", number, *WHY, code=1).stderr
    billcopy("cancel", number, *WHY)
    billcopy("erase", number, *WHY)
    assert "has been erased" in billcopy("reveal", number, *WHY, code=1).stderr


def test_a_second_migration_does_no_harm(billcopy: Run) -> None:
    assert billcopy("migrate").stdout == "The database is up to date.\n"


# -- when something is not there -------------------------------------------------------------------


def test_a_database_that_is_down_is_told_in_two_lines_with_the_cure(
    billcopy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLCOPY_DATABASE_PORT", "1")
    result = billcopy("status", code=3)
    assert result.stderr.startswith("DATABASE_UNAVAILABLE: 127.0.0.1:1")
    assert "doctor" in result.stderr
    assert "Traceback" not in result.output


def test_a_setting_that_is_wrong_is_named(billcopy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLCOPY_DATABASE_PORT", "high")
    told = billcopy("status", code=3).stderr
    assert "BILLCOPY_DATABASE_PORT" in told
    assert "var/settings.env" in told


def test_a_terminal_is_not_taken_over_by_what_was_typed(billcopy: Run, database: Database) -> None:
    number = submitted(billcopy)
    billcopy("hold", number, "--reason", "see [red]here[/red] :smile:")
    assert "see [red]here[/red] :smile:" in billcopy("story", number).stdout


def test_json_stays_json_whatever_the_terminal(
    billcopy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    submitted(billcopy)
    json.loads(billcopy("story", 1, "--json").stdout)
    json.loads(billcopy("status", "--json").stdout)


def test_debug_shows_where_an_error_arose(billcopy: Run, database: Database) -> None:
    result = billcopy("--debug", "story", "77", code=1)
    assert result.exception is not None
    assert "no request 77" in str(result.exception)


def test_the_story_of_a_whole_attempt_is_told(billcopy: Run, database: Database) -> None:
    number = submitted(billcopy)
    bot = database.connect(Login.BOT)
    from billcopy.model import FoundInvoice, Selection

    assert request_queue.take_portal_lock(bot, "practice")
    run_id = request_queue.start_bot_run(
        bot, portal="practice", host="testhost", boot_id="b", process_group=1,
        process_started_at=1.0, dag_run_id=None, selection=Selection(), limit=5, versions={},
        actor="tests",
    )  # fmt: skip
    request = request_queue.claim_next(bot, run_id)
    assert request is not None
    from datetime import date

    invoices = [FoundInvoice(number="INV-1", issued_on=date(2026, 2, 1), kind="bill")]
    request_queue.plan_deliveries(bot, request, invoices, [])
    request_queue.record_step(bot, request, "account found")
    request_queue.settle(
        bot, request, error_class="application", reason_code="PORTAL_DOWN", detail="503"
    )
    shown = billcopy("story", number).stdout
    for words in (
        "INV-1", "account found", f"bot run {run_id} on testhost", "PORTAL_DOWN", "planned",
        "The bank's portal did not answer", "attempts     1",
    ):  # fmt: skip
        assert words in shown, (words, shown)
