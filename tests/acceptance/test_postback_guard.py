"""The guard at a portal with one address for every action, in two frames."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from Browser import Browser

from billcopy import portal_profile
from billcopy.bot.keywords import guard_rules
from sandbox.harbour_portal import HarbourPortal
from tests.bot_fixtures import OTHER_PORTALS
from tests.guarded_browser import INVOICE, OTHER, Guard, library
from tests.waiting import until

__all__ = ["library"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MENU, CONTENT = "css=frame[name=menu] >>>", "css=frame[name=content] >>>"
SEND = f'{CONTENT} role=button[name="OK"]'


class Guarded(Guard):
    """A signed-in browser behind the guard, with an invoice's send form open."""

    def __init__(self, browser: Browser, portal: HarbourPortal) -> None:
        super().__init__(browser)
        self.portal = portal

    def sign_in(self) -> None:
        self.browser.fill_text(f"{CONTENT} css=input[name=ctl1]", self.portal.username)
        self.browser.fill_text(f"{CONTENT} css=input[name=ctl2]", self.portal.password)
        self.browser.click(f'{CONTENT} role=button[name="Sign on"]')
        self.wait_for("Account search")

    def open_invoice(self) -> None:
        self.browser.fill_text(f"{MENU} css=input[name=ctl1]", INVOICE)
        self.browser.click(f'{MENU} text="Go"')
        self.wait_for(f"Invoice {INVOICE}")

    def open_form(self) -> None:
        self.open_invoice()
        self.browser.click(f'{CONTENT} text="Copy by e-mail"')
        self.wait_for("Copy by e-mail")

    def send(self) -> None:
        self.browser.click(SEND)
        self.wait_for("Copy sent")

    def wait_for(self, title: str) -> None:
        self.browser.wait_for_elements_state(f'{CONTENT} css=.ttl:text-is("{title}")')

    def wait_for_refusal(self) -> None:
        self.browser.wait_for_elements_state(f"{CONTENT} css=h1:text('Refused')")

    def in_frame(self, script: str) -> None:
        self.browser.evaluate_javascript(f"{CONTENT} css=body", f"() => {{ {script} }}")

    def count(self, what: str) -> int:
        return int(self.portal.state()[what])


@pytest.fixture
def guarded(library: Browser, harbour_portal: HarbourPortal) -> Iterator[Guarded]:
    profile = portal_profile.load(OTHER_PORTALS / "harbour", url=harbour_portal.url)
    library.new_context(baseURL=harbour_portal.url)
    library.call_js_keyword("startGuard", profile=guard_rules(profile))
    library.new_page("/")
    one = Guarded(library, harbour_portal)
    blocked = one.blocked
    one.sign_in()
    one.open_form()
    assert blocked == one.blocked, "the pages on the way must not be blocked"
    yield one
    library.close_context("ALL")


def test_without_a_permit_nothing_is_sent(guarded: Guarded) -> None:
    blocked = guarded.blocked
    guarded.browser.click(SEND)
    guarded.wait_for_refusal()
    assert (guarded.count("send_posts"), guarded.blocked) == (0, blocked + 1)


def test_a_permit_is_for_the_invoice_in_the_form(guarded: Guarded) -> None:
    guarded.permit(OTHER)
    guarded.browser.click(SEND)
    guarded.wait_for_refusal()
    assert guarded.count("send_posts") == 0


def test_a_double_click_never_sends_twice(guarded: Guarded) -> None:
    # The second click may call the first one's request back before it has left the browser.
    spent = guarded.spent
    guarded.permit()
    guarded.browser.click_with_options(SEND, clickCount=2)
    until(lambda: guarded.spent > spent, "a click gets the permit")
    time.sleep(0.5)
    assert guarded.spent == spent + 1
    assert guarded.count("send_posts") <= 1


def test_two_requests_at_the_same_moment_share_no_permit(guarded: Guarded) -> None:
    guarded.permit()
    guarded.in_frame(
        """const body = new URLSearchParams(new FormData(document.forms[0]));
           body.set('__EVENTTARGET', 'btnSend');
           const send = () => fetch('/desk.aspx', {method: 'POST', body});
           return Promise.all([send(), send(), send(), send()]).then(() => 1);"""
    )
    assert guarded.count("send_posts") == 1


def test_loading_the_confirmation_again_sends_nothing(guarded: Guarded) -> None:
    guarded.permit()
    guarded.send()
    blocked = guarded.blocked
    guarded.in_frame("location.reload();")
    guarded.wait_for_refusal()
    assert (guarded.count("send_posts"), guarded.blocked) == (1, blocked + 1)


def test_going_back_to_the_form_and_sending_again_sends_nothing(guarded: Guarded) -> None:
    guarded.permit()
    guarded.send()
    guarded.in_frame("history.back();")
    guarded.wait_for("Copy by e-mail")
    guarded.browser.click(SEND)
    guarded.wait_for_refusal()
    assert guarded.count("send_posts") == 1


def test_searching_needs_no_permit_and_spends_none(guarded: Guarded) -> None:
    guarded.permit()
    guarded.open_form()
    guarded.send()
    assert guarded.count("send_posts") == 1


def test_what_the_profile_does_not_name_cannot_happen(guarded: Guarded) -> None:
    guarded.permit()
    guarded.open_invoice()
    guarded.browser.click(f'{CONTENT} text="Void"')
    guarded.wait_for_refusal()
    assert guarded.count("denied") == 0  # it never got as far as the portal's own refusal


@pytest.mark.parametrize(
    "targets",
    [("lnkInvoice", "lnkVoid"), ("lnkVoid", "lnkInvoice"), (), ("btnSend", "lnkInvoice")],
    ids=["smuggled behind", "smuggled before", "unnamed", "a send in disguise"],
)
def test_a_form_that_says_two_things_or_nothing_is_refused(
    guarded: Guarded, targets: tuple[str, ...]
) -> None:
    blocked = guarded.blocked
    fields = "".join(f"body.append('__EVENTTARGET', '{one}');" for one in targets)
    guarded.in_frame(
        f"const body = new URLSearchParams({{ctl4: '{INVOICE}', ctl5: 'a@example.org'}}); {fields}"
        "return fetch('/desk.aspx', {method: 'POST', body}).then(() => 1);"
    )
    assert guarded.blocked == blocked + 1
    assert (guarded.count("send_posts"), guarded.count("denied")) == (0, 0)
