"""The flow's own keywords: claim, plan, check, permit, prove. Portal folders do not use them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from robot.api.deco import keyword, library
from robot.api.types import Secret
from robot.libraries.BuiltIn import BuiltIn

from billcopy.bot import proving, sending
from billcopy.bot.context import BotRun, BrowserOptions, current, step
from billcopy.bot.keywords import Ask, browser_is_gone, guard_rules
from billcopy.errors import BrowserLost, PageDrift, PortalDown
from billcopy.model import Delivery


@library(scope="GLOBAL", auto_keywords=False)
class BillCopies:
    """One bot run, as keywords. What they decide is decided in the package ``billcopy``."""

    def __init__(self) -> None:
        self._looked_at = datetime.max.replace(tzinfo=UTC)

    # -- the session -------------------------------------------------------------------------------

    @keyword
    def what_is_missing(self) -> str:
        """Returns what must be new for the next request: ``browser``, ``session`` or ``page``."""
        run = self._run
        run.page_left = False
        return run.session.missing

    @keyword
    def browser_options(self) -> BrowserOptions:
        """Returns which browser to start, and how."""
        return self._run.browser

    @keyword
    @step
    def guard_the_network(self) -> None:
        """Lets the open context ask only for what the portal folder's profile allows."""
        answer = self._javascript("startGuard", profile=guard_rules(self._run.work.profile))
        self._run.record_browser(answer["browser"])

    @keyword
    @step
    def portal_credential(self) -> tuple[str, Secret]:
        """Reads user name and password from Vault, now."""
        credential = self._run.session.credential()
        return credential.username, Secret(credential.password)

    @keyword
    @step
    def newer_portal_credential(self) -> tuple[str, Secret]:
        """After a refusal reads them once more; fails unless Vault has a newer version."""
        run = self._run
        credential = run.session.newer_credential()
        run.work.error = None
        return credential.username, Secret(credential.password)

    @keyword
    @step
    def sign_in_was_accepted(self) -> None:
        """Notes that the portal let us in with the credential last read."""
        run = self._run
        run.session.accepted()
        run.work.sender = run.session.username

    # -- the request -------------------------------------------------------------------------------

    @keyword
    @step
    def take_next_request(self) -> Ask | None:
        """Claims the next request; returns None when the bot has nothing (more) to do."""
        run = self._run
        run.session.keep_token_alive()
        run.must_move_within(None)  # waiting for a request is no standstill
        if run.work.take_next() is None:
            run.must_move_within(run.stuck_after_seconds)
            return None
        run.must_move_within(run.work.seconds_left + run.stuck_after_seconds)
        return Ask.of(run.work)

    @keyword
    @step
    def resume_after_expiry(self) -> None:
        """Forgets that the session expired, once per request."""
        run = self._run
        run.work.resume_after_expiry()
        run.session.is_broken("session")

    @keyword
    @step
    def is_anything_left_to_send(self) -> bool:
        """Returns whether the account's pages are needed at all."""
        return sending.walk_needed(self._run.work)

    @keyword
    @step
    def plan_deliveries(self, listed: Sequence[Mapping[str, Any]]) -> list[Delivery]:
        """Plans what the portal listed; returns what is to be sent now, oldest first."""
        return sending.plan(self._run.work, listed)

    # -- one invoice -------------------------------------------------------------------------------

    @keyword
    @step
    def check_send_form(self, delivery: Delivery, form: Mapping[str, Any]) -> None:
        """Fails unless the form shows this account, invoice, recipient and check value."""
        sending.check_form(self._run.work, delivery, form)

    @keyword
    @step
    def reject_delivery(self, delivery: Delivery) -> None:
        """Notes that this invoice cannot be sent; the others go on."""
        self._keep_picture("rejected", delivery)
        sending.reject(self._run.work, delivery)

    @keyword
    @step
    def begin_delivery(self, delivery: Delivery) -> str:
        """Asks the database for the click and opens the guard for it.

        Returns ``go`` (press Send now), ``next`` (not this one) or ``stop`` (no more clicks).
        """
        return sending.begin(self._run.work, delivery, self._open_permit)

    @keyword
    @step
    def record_click(self, delivery: Delivery, confirmation: str) -> None:
        """Notes what the portal said after the click, with a covered picture of it.

        Whatever it said, nothing was sent if no send request left the browser.
        """
        if not self._javascript("closePermit")["spent"]:
            raise PageDrift("Expected: the click sends the one request that profile.yaml names")
        sending.record_click(self._run.work, delivery, confirmation)
        self._keep_picture("confirmation", delivery)

    # -- the sent log ------------------------------------------------------------------------------

    @keyword
    @step
    def deliveries_to_prove(self) -> list[Delivery]:
        """Returns what may have been sent and has no proof yet."""
        return proving.to_prove(self._run.work)

    @keyword
    @step
    def wait_for_the_sent_log(self, deliveries: Sequence[Delivery]) -> tuple[str, list[str]]:
        """Waits until the log must show the last click; returns what to look for in it.

        That is the day to read it from on, as the portal writes it, and the invoice numbers.
        """
        work = self._run.work
        since = proving.wait_for_log(work, deliveries)
        self._looked_at = work.ledger.now()
        return since, [one.invoice_number for one in deliveries]

    @keyword
    @step
    def prove_by_the_sent_log(self, deliveries: Sequence[Delivery], log: Mapping[str, Any]) -> None:
        """Confirms what the log shows, reports what it lacks."""
        proving.prove(self._run.work, deliveries, log, self._looked_at)

    # -- the end -----------------------------------------------------------------------------------

    @keyword
    def leave_the_page(self) -> None:
        """Withdraws the permit, keeps a covered picture of a failure, closes every page."""
        run = self._run
        try:
            health = self._javascript("withdrawPermit")
            run.blocked_requests, run.blocked_listed = health["blocked"], health["listed"]
            lost = not health["connected"] or health["crashed"]
            if lost:
                run.session.is_broken("browser")
            if self._task_failed():
                answered = health["answered"] or run.interrupted
                self._name_the_failure(lost=lost, answered=answered)
                self._keep_failure(lost=lost)
            if lost or not self._pages_closed():
                self._browser.close_browser("ALL")
            run.page_left = True
        except Exception as error:
            # Whatever it is: nobody may be left to click when the listener settles.
            browser_is_gone(run, error)

    def _pages_closed(self) -> bool:
        try:
            self._browser.close_page("ALL", "CURRENT", "CURRENT")
        except Exception:  # lost after the guard was asked; the browser itself may still be there
            self._run.session.is_broken("browser")
            if self._task_failed():
                self._run.work.record(BrowserLost())
            return False
        return True

    def _name_the_failure(self, *, lost: bool, answered: bool) -> None:
        """What browser and network saw is a better name than UNEXPECTED."""
        if lost:
            self._run.work.record(BrowserLost())
        elif not answered:
            self._run.work.record(PortalDown())

    def _keep_failure(self, *, lost: bool) -> None:
        """What the page shows now, for whoever must mend it; a page that is gone shows nothing."""
        work = self._run.work
        if work.request is not None and not lost:
            self._keep_picture("failure", None)
        with contextlib.suppress(Exception):  # a report that fails is no reason to end a browser
            if work.wants_report:
                work.stopped_on(None if lost else self._screen())

    def _screen(self) -> Any:
        try:
            return self._javascript("screenOfPage")
        except Exception:
            return None  # no page is open, or it does not answer

    @staticmethod
    def _task_failed() -> bool:
        return bool(BuiltIn().get_variable_value("${TEST STATUS}") == "FAIL")

    def _keep_picture(self, kind: str, delivery: Delivery | None) -> None:
        work = self._run.work
        if not work.wants_picture(kind):
            return
        structure = None
        try:
            picture = self._javascript("pictureOfPage", show=list(work.profile.evidence_show))
            if not picture["boxes"]:  # a page that nobody recognises
                structure = self._javascript("structureOfPage")
        except Exception:
            return  # a page that cannot be pictured is no reason to fail
        work.keep_picture(kind, picture, delivery, structure=structure)

    def _open_permit(self, invoice: str, milliseconds: float, deadline: float) -> None:
        self._javascript(
            "openPermit", invoice=invoice, milliseconds=milliseconds, deadline=deadline
        )

    def _javascript(self, name: str, **arguments: object) -> Any:
        return self._browser.call_js_keyword(name, **arguments)

    @property
    def _browser(self) -> Any:
        return BuiltIn().get_library_instance("Browser")

    @property
    def _run(self) -> BotRun:
        return current()
