"""The failure report: enough to mend it, and no customer in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from billcopy import errors
from billcopy.bot import failure as bot_failure
from billcopy.bot.trail import Place, Stop
from billcopy.masking import MASK, Masker
from tests.bot_fakes import working
from tests.rules.source import ROOT

KNOWN = bot_failure.vocabulary(ROOT / "robot" / "portals" / "practice")
FILE = Path("sending.resource")
STOP = Stop(
    place=Place(keyword="Click", file=FILE, line=16),
    library="Browser",
    expected=('role=link[name="E-mail copy"]',),
    through=(
        Place(keyword="Send One Copy", file=Path("deliver.resource"), line=36),
        Place(keyword="Open Send Form", file=Path("deliver.resource"), line=48),
    ),
)


def told(*controls: dict[str, Any], **screen: Any) -> dict[str, Any]:
    masker = Masker()
    masker.remember(["3310487", "whitcombe@example.org"])
    values = {"url": "https://bank/", "title": "", "controls": list(controls), **screen}
    return bot_failure.report(STOP, values, known=KNOWN, masker=masker, replay="make bot")


def control(name: str, role: str = "link", *, in_row: bool = False) -> dict[str, Any]:
    return {"role": role, "name": name, "in_row": in_row}


def test_it_says_keyword_file_line_and_what_was_expected() -> None:
    report = told()
    assert report["keyword"] == "Click (sending.resource:16)"
    assert report["through"][-1] == "Open Send Form (deliver.resource:48)"
    assert report["expected"] == ['role=link[name="E-mail copy"]']
    assert report["replay"] == "make bot"


def test_the_nearest_names_come_first() -> None:
    shown = told(
        control("Void invoice", "button"), control("Sign out"), control("E-mail a duplicate")
    )["on_screen"]
    assert shown[0] == "link “E-mail a duplicate”"
    assert "button “Void invoice”" in shown


@pytest.mark.parametrize(
    "hidden",
    [
        control("Harold Whitcombe"),
        control("Whitcombe"),
        control("WHITCOMBE HAROLD", "button"),
        control("3310487", in_row=True),
        control("40 Elm street"),
        control("whitcombe@example.org"),
        control("Whitcombe", "button", in_row=True),
        control("Open Mr Whitcombe", "button"),
    ],
    ids=lambda one: str(one["name"]),
)
def test_a_name_that_may_be_a_customers_is_not_shown(hidden: dict[str, Any]) -> None:
    report = told(hidden)
    assert report["on_screen"] == []
    assert report["not_shown_as_it_may_be_data"] == 1


@pytest.mark.parametrize("shown", ["Send duplicate", "Send e-mail", "Next >"])
def test_a_relabelled_control_is_shown(shown: str) -> None:
    assert told(control(shown))["on_screen"] == [f"link “{shown}”"]


def test_an_address_and_a_title_keep_only_what_is_known() -> None:
    report = told(
        url="https://bank/accounts/3310487/invoices?q=Whitcombe",
        title="Invoices of account 3310487 Harold Whitcombe",
    )
    assert report["page"] == f"/accounts/{MASK}/invoices"
    assert report["title"] == f"Invoices of account {MASK}"


def test_a_page_that_could_not_be_asked_leaves_the_rest() -> None:
    report = bot_failure.report(STOP, None, known=KNOWN, masker=Masker(), replay=None)
    assert set(report) == {"keyword", "through", "expected"}
    assert bot_failure.sentence(report) == (
        'stopped at Click (sending.resource:16); expected role=link[name="E-mail copy"]'
    )


def test_a_page_of_a_thousand_controls_makes_a_short_report() -> None:
    report = told(*[control(f"do something {'x' * 90} {chr(97 + n % 26)}") for n in range(1000)])
    assert len(str(report)) < 4000


# -- what an unnamed failure is called -------------------------------------------------------------

FOLDER = ROOT / "robot" / "portals" / "practice"


@pytest.mark.parametrize(
    ("library", "file", "code"),
    [
        ("Browser", FOLDER / "sending.resource", errors.LocatorTimedOut),
        ("Reading", FOLDER / "pages.resource", errors.LocatorTimedOut),
        ("Browser", ROOT / "robot" / "resources" / "session.resource", errors.Unexpected),
        ("BuiltIn", FOLDER / "pages.resource", errors.Unexpected),
        ("Browser", None, errors.Unexpected),
    ],
)
def test_only_a_browsers_keyword_in_the_portal_folder_is_a_locator(
    library: str, file: Path | None, code: type[errors.BillCopyError]
) -> None:
    work, _, _ = working()
    work.trail.stopped(Place(keyword="Click", file=file, line=1), library=library, arguments=[])
    assert type(work.unnamed()) is code


def test_the_report_goes_with_the_settlement_and_is_forgotten_after_it() -> None:
    work, ledger, said = working()
    kept: list[Any] = []
    ledger.steps = lambda request, steps: kept.extend(steps)  # type: ignore[method-assign]
    work.take_next()
    work.trail.stopped(STOP.place, library="Browser", arguments=STOP.expected)
    work.stopped_on(None)
    work.settle(passed=False, detail="")
    assert [one["kind"] for one in kept] == ["failure"]
    assert kept[0]["detail"]["replay"] == 'make bot PORTAL=practice ARGS="--request 1"'
    assert said[1].startswith("request 1: stopped at Click (sending.resource:16)")
    assert work.failure is None


def test_a_business_error_needs_no_mending_and_a_lost_report_no_settlement() -> None:
    work, ledger, said = working()
    work.take_next()
    work.record(errors.AccountNotFound())
    work.stopped_on(None)
    assert work.failure is None

    def refuse(request: object, steps: object) -> None:
        raise errors.DatabaseUnavailable

    ledger.steps = refuse  # type: ignore[method-assign, assignment]
    work.trail.note("Find Account", began=0.0, passed=False)
    work.settle(passed=False, detail="")
    assert ledger.settled == [(1, "business", "ACCOUNT_NOT_FOUND")]
    assert "request 1: steps not kept (DATABASE_UNAVAILABLE)" in said
