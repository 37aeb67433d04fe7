"""The guard's permit: exactly one send request passes, whatever page, keyword or time do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from Browser import Browser

from billcopy import portal_profile
from billcopy.bot.keywords import guard_rules
from billcopy.bot.order import StopReason
from sandbox.practice_portal import PracticePortal
from tests.bot_fixtures import EMAIL, PORTALS, Bot
from tests.guarded_browser import INVOICE, OTHER, Guard, library
from tests.waiting import until

__all__ = ["library"]
pytestmark = [
    pytest.mark.slow,
    # The Browser library never closes the /dev/null it gives its node process.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SEND = 'role=button[name="Send e-mail"]'
SENT, REFUSED = "E-mail sent", "Refused by the bot’s network guard"


class Guarded(Guard):
    """A signed-in browser behind the guard, with the send form open."""

    def __init__(self, browser: Browser, portal: PracticePortal) -> None:
        super().__init__(browser)
        self.portal = portal

    def click(self, selector: str, *, then: str) -> None:
        """Click, and wait for the page with this heading."""
        self.browser.click(selector)
        self.browser.wait_for_elements_state(f'css=h1:text-is("{then}")')

    def open_form(self) -> None:
        self.browser.go_to(f"/invoices/{INVOICE}/email")

    @property
    def posts(self) -> int:
        """How many send requests reached the portal."""
        return int(self.portal.state()["send_posts"])


@pytest.fixture
def guarded(library: Browser, practice_portal: PracticePortal) -> Iterator[Guarded]:
    profile = portal_profile.load(PORTALS / "practice", url=practice_portal.url)
    library.new_context(baseURL=practice_portal.url)
    library.call_js_keyword("startGuard", profile=guard_rules(profile))
    library.new_page("/signin")
    library.fill_text("id=user_id", practice_portal.username)
    library.fill_text("id=password", practice_portal.password)
    library.click('role=button[name="Sign in"]')
    one = Guarded(library, practice_portal)
    one.click('role=button[name="Continue"]', then="Account search")
    blocked = one.blocked
    one.open_form()
    assert blocked == one.blocked, "the pages on the way must not be blocked"
    yield one
    library.close_context("ALL")


def test_without_a_permit_nothing_is_sent_and_it_is_counted(guarded: Guarded) -> None:
    blocked = guarded.blocked
    guarded.click(SEND, then=REFUSED)
    assert (guarded.posts, guarded.blocked) == (0, blocked + 1)


def test_a_permit_lets_one_request_pass(guarded: Guarded) -> None:
    guarded.permit()
    guarded.click(SEND, then=SENT)
    assert guarded.posts == 1


def test_a_double_click_never_sends_twice(guarded: Guarded) -> None:
    # The second click may call the first one's request back before it has left the browser.
    spent = guarded.spent
    guarded.permit()
    guarded.browser.click_with_options(SEND, clickCount=2)
    until(lambda: guarded.spent > spent, "a click gets the permit")
    time.sleep(0.5)
    assert guarded.spent == spent + 1
    assert guarded.posts <= 1


@pytest.mark.parametrize("again", ["reload", "go_back", "history"])
def test_loading_the_confirmation_again_sends_nothing(guarded: Guarded, again: str) -> None:
    guarded.permit()
    guarded.click(SEND, then=SENT)
    blocked = guarded.blocked
    if again == "reload":
        guarded.browser.reload()
        assert guarded.blocked == blocked + 1
    elif again == "go_back":
        guarded.browser.go_back()
        guarded.browser.go_forward()
    else:
        guarded.browser.evaluate_javascript(None, "() => { history.back(); }")
        guarded.click(SEND, then=REFUSED)
        assert guarded.blocked == blocked + 1
    assert guarded.posts == 1


def test_a_late_click_is_refused(guarded: Guarded) -> None:
    guarded.permit(seconds=0.2)
    time.sleep(0.3)
    guarded.click(SEND, then=REFUSED)
    assert guarded.posts == 0


def test_a_withdrawn_permit_is_worth_nothing(guarded: Guarded) -> None:
    guarded.permit()
    guarded.javascript("withdrawPermit")
    guarded.click(SEND, then=REFUSED)
    assert guarded.posts == 0


def test_a_permit_is_for_one_invoice(guarded: Guarded) -> None:
    guarded.permit(OTHER)
    guarded.click(SEND, then=REFUSED)
    assert guarded.posts == 0


def test_two_requests_at_the_same_moment_share_no_permit(guarded: Guarded) -> None:
    guarded.permit()
    guarded.browser.evaluate_javascript(
        None,
        """async () => {
            const send = () => fetch(location.pathname, {method: 'POST',
                body: new URLSearchParams({recipient: 'a@example.org'})});
            await Promise.all([send(), send(), send(), send()]);
        }""",
    )
    assert guarded.posts == 1


def test_beacons_and_pop_ups_are_guarded_too(guarded: Guarded) -> None:
    guarded.browser.evaluate_javascript(
        None,
        """() => {
            const fields = new URLSearchParams({recipient: 'a@example.org'});
            navigator.sendBeacon(location.pathname, fields);
            document.getElementById('email-form').target = '_blank';
        }""",
    )
    guarded.browser.click(SEND)
    time.sleep(0.5)
    assert guarded.posts == 0


def test_what_a_bot_must_never_touch_is_out_of_reach(guarded: Guarded) -> None:
    guarded.browser.go_to(f"/invoices/{INVOICE}")
    guarded.click('role=button[name="Void invoice"]', then=REFUSED)
    guarded.browser.go_to("/accounts/3310487/edit")
    assert guarded.browser.get_text("css=h1") == REFUSED
    assert guarded.portal.state()["voided"] == 0


# -- through the whole bot -------------------------------------------------------------------------


def edited(file: str, old: str, new: str) -> Any:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))

    return edit


def finish(bot: Bot) -> None:
    bot.portal_path = (str(PORTALS),)
    bot.make_due()
    bot.run()


def test_a_keyword_that_skips_the_intent_sends_nothing(bot: Bot) -> None:
    bot.portal_folder(
        edited(
            "sending.resource",
            "    RETURN    ${form}",
            "    Click    css=input[type=submit]\n    RETURN    ${form}",
        )
    )
    request = bot.submit()
    bot.run()
    assert bot.state(request) == "queued PAGE_NOT_AS_EXPECTED"
    assert bot.sent() == []
    assert bot.portal.state()["send_posts"] == 0
    assert bot.execute("select blocked_requests > 0 from billcopy.bot_runs") == [(True,)]
    assert any("network guard refused" in line for line in bot.lines)


def test_a_click_that_outlives_its_time_out_sends_nothing(bot: Bot) -> None:
    # The button comes after the keyword has given up; the page is closed before the settlement.
    bot.portal_folder(edited("profile.yaml", "click_budget_seconds: 20", "click_budget_seconds: 1"))
    request = bot.submit()
    bot.portal.set_faults(latency_ms=2500, latency_path="/email$")
    stop = bot.run()
    assert stop is StopReason.DRAINED
    bot.portal.clear_faults()
    sent = bot.portal.state()["send_posts"]
    assert sent <= 1
    finish(bot)
    assert bot.state(request) == "delivered"
    assert bot.sent() == [(EMAIL, INVOICE)]
