"""The desk in a real browser: by keyboard, on a phone, without JavaScript, while a bot works."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import FoundInvoice
from tests.desk_fixtures import Desk
from tests.integration import queue_steps as steps
from tests.waiting import until

pytestmark = pytest.mark.slow
PATIENCE = 30_000  # milliseconds
expect.set_options(timeout=PATIENCE)
ACCOUNT = "4031188"
PHONE = {"width": 360, "height": 740}
# Text on its background, by WCAG's formula; what is not shown does not count.
CONTRAST = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const c = rgb(getComputedStyle(at).backgroundColor);
      if (c.length && (c.length < 4 || c[3] > 0)) return c;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const one of document.querySelectorAll("body *")) {
    const said = [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!said || !one.checkVisibility() || one.closest(".unseen, .skip, .default-button, option"))
      continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${one.tagName}.${one.className}: ${ratio.toFixed(2)}`);
  }
  return weak;
}"""


@dataclass
class Site:
    """The desk served on a port, and what a browser had to complain about."""

    desk: Desk
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def context(self, **options: Any) -> BrowserContext:
        """A browser of a representative in Dublin."""
        options = {"timezone_id": "Europe/Dublin", "locale": "en-GB", **options}
        context = self.browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda said: self._hear(said.type, said.text))
        context.on("weberror", lambda fault: self.complaints.append(str(fault.error)))
        return context

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "status of 422" not in text:
            self.complaints.append(text)


@pytest.fixture
def site(desk: Desk, browser: Browser) -> Iterator[Site]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(desk.app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started, "the desk listens")
            site = Site(desk, url, browser)
            yield site
            assert site.complaints == []
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def focus(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.value || ''"))


def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        if focus(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard never reaches {name}")


def test_a_request_is_logged_by_keyboard_alone_and_seen_to_happen(site: Site) -> None:
    page = site.context().new_page()
    page.goto("/")
    tab_to(page, "account")
    page.keyboard.type("40311")
    tab_to(page, "last-month")
    page.keyboard.press("Enter")
    expect(page.locator("#period_from")).not_to_have_value("")
    tab_to(page, "reference")
    page.keyboard.type("CS-20418")
    page.keyboard.press("Enter")
    expect(page.locator("#account-problem")).to_contain_text("is not an account number")
    expect(page.locator("#account")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type("88")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("is logged. Waiting for the bot.")
    assert ACCOUNT not in page.url

    bot = site.desk.database.connect(Login.BOT)
    claimed = steps.claim(bot)
    row = page.locator(f"#row-{claimed.request_id}")
    expect(row).to_contain_text("In progress")
    expect(page.locator("[data-live-word]")).to_contain_text("In progress")
    found = [FoundInvoice(number="INV-7", issued_on=claimed.period_from, kind="bill")]
    assert request_queue.plan_deliveries(bot, claimed, found, []).verdict == "planned"
    (delivery,) = request_queue.deliveries(bot, claimed)
    page.locator(f"#to-{claimed.request_id}").focus()
    steps.begin(bot, claimed, delivery)
    steps.confirm(bot, claimed, delivery, "row-1")
    steps.settle(bot, claimed)
    expect(row).to_contain_text("1 of 1 bill sent")
    assert focus(page) == f"to-{claimed.request_id}"
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(f"Request {claimed.request_id}")
    expect(page.locator("main")).to_contain_text("Proof: found in the bank's log.")


def test_a_reason_that_is_being_typed_outlives_what_happens_meanwhile(site: Site) -> None:
    number = site.desk.log(account=ACCOUNT)
    page = site.context().new_page()
    page.goto(f"/requests/{number}")
    page.locator("#reason").fill("the customer calls back")
    steps.claim(site.desk.database.connect(Login.BOT))
    expect(page.locator(".headline")).to_contain_text("In progress")
    expect(page.locator("#reason")).to_have_value("the customer calls back")
    page.get_by_role("button", name="Set aside").click()
    expect(page.get_by_role("alert")).to_contain_text("It has changed meanwhile")
    expect(page.locator("#reason")).to_have_value("the customer calls back")


def test_a_double_click_logs_one_request(site: Site) -> None:
    page = site.context().new_page()
    page.goto("/")
    page.locator("#account").fill(ACCOUNT)
    page.get_by_role("button", name="Last month").click()
    page.locator("button.primary").dblclick(no_wait_after=True)
    expect(page.get_by_role("status").first).to_contain_text("is logged")
    assert page.locator("[data-row]").count() == 1


def test_everything_works_without_javascript(site: Site) -> None:
    page = site.context(java_script_enabled=False).new_page()
    page.goto("/")
    page.locator("#account").fill(ACCOUNT)
    page.get_by_role("button", name="Last 3 months").click()
    expect(page.locator("#account")).to_have_value(ACCOUNT)
    page.locator("button.primary").click()
    expect(page.get_by_role("status").first).to_contain_text("is logged")
    page.locator("tbody th a").click()
    page.locator("#reason").fill("the customer calls back")
    page.get_by_role("button", name="Set aside").click()
    expect(page.locator(".headline")).to_contain_text("Needs a person")
    page.get_by_text("Show the account number").click()
    page.locator("#reveal-reason").fill("on the phone")
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("main")).to_contain_text(ACCOUNT)


def test_two_people_at_two_screens_decide_about_a_doubtful_bill(site: Site) -> None:
    number, _ = steps.held_in_doubt(site.desk.database)
    site.desk.sign_in("ann", may_decide=True)
    page = site.context().new_page()
    page.goto("/")
    page.get_by_role("navigation", name="Pages").get_by_text("Needs a person").click()
    page.get_by_role("link", name=f"Request {number}").click()
    question = page.get_by_role("form", name="Was bill INV-0000 sent?")
    question.get_by_role("button", name="It was sent", exact=True).click()
    expect(question.get_by_text("is missing")).to_be_visible()
    question.get_by_label("How do you know?").fill("I rang the bank")
    page.keyboard.press("Enter")  # presses no button
    page.wait_for_timeout(300)
    expect(question).not_to_contain_text("You say")
    question.get_by_role("button", name="It was sent", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("another person agrees")
    expect(question.get_by_role("button")).to_have_text(
        ["It was not sent: send it again", "Nobody can tell: never send it"]
    )

    site.desk.sign_in("bob", may_decide=True)
    other = site.context().new_page()
    other.goto(f"/requests/{number}")
    question = other.get_by_role("form", name="Was bill INV-0000 sent?")
    expect(question).to_contain_text("ann says: It was sent. “I rang the bank”")
    question.get_by_label("How do you know?").fill("I heard the call")
    question.get_by_role("button", name="I agree").click()
    expect(other.get_by_role("status").first).to_contain_text("so it is decided")
    expect(page.locator(".headline")).to_contain_text("Waiting")  # by itself
    expect(page.get_by_role("form", name="Was bill")).to_have_count(0)


def test_a_lost_server_is_said_and_its_return_as_well(site: Site) -> None:
    site.desk.log(account=ACCOUNT)
    page = site.context().new_page()
    page.goto("/")
    word = page.locator("[data-live-word]")
    site.desk.broken = True
    expect(word).to_contain_text("No answer from the server")
    site.desk.broken = False
    expect(word).to_contain_text("keeps itself up to date")
    site.complaints.clear()  # the browser's own word about each 503


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off_and_all_of_it_is_readable(site: Site, scheme: Any) -> None:
    desk = site.desk
    bot = desk.database.connect(Login.BOT)
    ops = desk.database.connect(Login.OPS)
    first = desk.log(account="4031101", reference="R" * 64, recipient="a@x.ie", check_value="Byrne")
    claimed = steps.claim(bot)
    deliveries = steps.plan(bot, claimed, 3)
    steps.begin(bot, claimed, deliveries[0])
    steps.confirm(bot, claimed, deliveries[0], "row-1")
    steps.begin(bot, claimed, deliveries[1])
    desk.sign_in("somebody.with.a.very.long.name@a-department-of-the-utility.example.org")
    steps.settle(bot, claimed, errors.PortalDown)
    desk.log(account="4031102", priority="1")
    steps.settle(bot, steps.claim(bot), errors.AccountNotFound)
    held = desk.log(account="4031103")
    desk.post(f"/requests/{held}/change", {"change": "hold", "reason": "w" * 200})
    steps.hang_up(desk.database, bot)
    doubtful, delivery = steps.held_in_doubt(desk.database)
    ann = {"actor": "ann." + "n" * 60, "reason": "w" * 200}
    request_queue.decide_doubt(ops, delivery.delivery_id, "give_up", **ann)
    request_queue.stop_portal(ops, "practice", actor="ops", reason="they asked")
    desk.sign_in("somebody.with.a.very.long.name@example.org", may_decide=True)
    context = site.context(viewport=PHONE, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    stories = [f"/requests/{number}" for number in (first, held, doubtful)]
    for path in ("/?whose=all", *stories, "/file", "/nothing"):
        page.goto(path)
        if path == "/?whose=all":
            page.locator("button.primary").click()
            expect(page.locator("#account-problem")).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(CONTRAST) == [], path
        unnamed = "input:not([type=hidden]), select, button:not([hidden]), a"
        for handle in page.locator(unnamed).all():
            label = handle.evaluate(
                "one => (one.labels && one.labels.length && one.labels[0].textContent)"
                " || one.textContent || one.getAttribute('aria-label')"
            )
            assert label, path
    site.complaints = [said for said in site.complaints if "404" not in said]
