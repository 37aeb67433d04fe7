"""The end of every task: nobody may be left to click, and what is lost has its name."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace

import pytest

from billcopy.errors import BrowserLost
from tests.rules.source import ROOT


class Browser:
    """A browser whose page may crash after the guard was asked how it is."""

    def __init__(self, *, page_closes: bool = True, browser_closes: bool = True) -> None:
        self._page_closes = page_closes
        self._browser_closes = browser_closes
        self.closed: list[str] = []

    def call_js_keyword(self, name: str, **arguments: object) -> dict[str, object]:
        return {"connected": True, "crashed": False, "answered": True, "blocked": 0, "listed": []}

    def close_page(self, *which: str) -> None:
        if not self._page_closes:
            raise RuntimeError("Target crashed")
        self.closed.append("page")

    def close_browser(self, which: str) -> None:
        if not self._browser_closes:
            raise RuntimeError("no answer")
        self.closed.append("browser")


class Run:
    """What of a bot run the keyword needs."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.missing: list[str] = []
        self.killed = False
        self.page_left = self.interrupted = False
        self.work = SimpleNamespace(request=None, record=self.errors.append)
        self.session = SimpleNamespace(is_broken=self.missing.append)

    def kill_browser(self) -> None:
        self.killed = True


@pytest.fixture(scope="module")
def library() -> ModuleType:
    path = ROOT / "robot" / "libraries" / "BillCopies.py"
    spec = importlib.util.spec_from_file_location("bill_copies_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leave(library: ModuleType, browser: Browser, *, failed: bool) -> Run:
    run = Run()

    class Keywords(library.BillCopies):  # type: ignore[misc, name-defined]
        _run = run
        _browser = browser

        @staticmethod
        def _task_failed() -> bool:
            return failed

    Keywords().leave_the_page()
    return run


@pytest.mark.parametrize("failed", [True, False])
def test_a_page_is_closed_and_the_browser_stays(library: ModuleType, failed: bool) -> None:
    browser = Browser()
    run = leave(library, browser, failed=failed)
    assert (browser.closed, run.page_left, run.killed) == (["page"], True, False)
    assert run.errors == run.missing == []


def test_a_page_that_crashed_after_the_guard_was_asked_costs_the_browser_alone(
    library: ModuleType,
) -> None:
    browser = Browser(page_closes=False)
    run = leave(library, browser, failed=True)
    assert (browser.closed, run.page_left, run.killed) == (["browser"], True, False)
    assert [type(one) for one in run.errors] == [BrowserLost]
    assert run.missing == ["browser"]


def test_what_was_done_well_does_not_fail_because_its_page_cannot_be_closed(
    library: ModuleType,
) -> None:
    run = leave(library, Browser(page_closes=False), failed=False)
    assert run.errors == []
    assert run.missing == ["browser"]


def test_a_browser_that_does_not_answer_is_ended(library: ModuleType) -> None:
    run = leave(library, Browser(page_closes=False, browser_closes=False), failed=True)
    assert run.killed
    assert {type(one) for one in run.errors} == {BrowserLost}
