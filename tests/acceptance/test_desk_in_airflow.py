"""The desk where people really find it: in Airflow, behind its login, beside a bot at work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.airflow_config import logins
from tests.running_stack import Stack, running
from tests.waiting import PATIENCE_SECONDS, until

__all__ = ["running"]
pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(600)]
PATIENCE = PATIENCE_SECONDS * 1000


def signed_in(running: Stack, browser: Browser, user: str, path: str) -> Page:
    """A page of the desk in a browser of its own, after Airflow's own login."""
    page = browser.new_context(base_url=running.plan.airflow_url).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"/bill-copies/{path}")
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(logins(running.plan.airflow_home)[user])
    page.locator("[type=submit]").click()
    expect(page.locator(".who")).to_contain_text(user, timeout=PATIENCE)
    return page


def test_a_bill_in_doubt_is_decided_by_two_logins_and_the_bot_goes_on(
    running: Stack, browser: Browser
) -> None:
    running.faults(says_sent_but_did_not=2)  # as often as the bot clicks for one bill
    number = running.submit("3310487")
    until(lambda: running.state(number) == "held", "the bot leaves it to people")
    assert running.mails() == []

    rep = signed_in(running, browser, "rep", f"requests/{number}")
    expect(rep.locator("main")).to_contain_text("Operations decide, two people together")
    assert rep.get_by_role("form", name="Was bill").count() == 0

    ops = signed_in(running, browser, "ops", "?show=person&whose=all")
    ops.get_by_role("link", name=f"Request {number}").click()
    question = ops.get_by_role("form", name="Was bill")
    question.get_by_label("How do you know?").fill("the customer has nothing")
    question.get_by_role("button", name="It was not sent: send it again").click()
    expect(ops.get_by_role("status").first).to_contain_text("another person agrees")
    assert running.state(number) == "held"

    admin = signed_in(running, browser, "admin", f"requests/{number}")
    question = admin.get_by_role("form", name="Was bill")
    expect(question).to_contain_text("ops says: It was not sent: send it again.")
    question.get_by_label("How do you know?").fill("so did they tell me")
    question.get_by_role("button", name="I agree").click()
    expect(admin.get_by_role("status").first).to_contain_text("so it is decided")
    expect(admin.locator(".headline")).to_contain_text("Sent", timeout=PATIENCE)
    assert running.state(number) == "delivered"
    assert len(running.mails()) == 1
