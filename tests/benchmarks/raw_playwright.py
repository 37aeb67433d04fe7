"""The bot's peer: the same clicks, the same pictures and the same SQL, in plain Playwright.

`python -m tests.benchmarks.raw_playwright` reads its order as one JSON line on stdin, works until
the queue is empty, and says nothing: the figures come from the queue's own record of the attempts.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Page, sync_playwright

from billcopy import chromium, request_queue
from billcopy.database import Connection, connect_to
from billcopy.model import ClaimedRequest, Delivery, FoundInvoice, Selection

DAY, MOMENT = "%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p"


def sign_in(page: Page, order: dict[str, Any]) -> None:
    """As the service user, past the notice."""
    page.goto("/signin")
    page.get_by_role("textbox", name="User ID").fill(order["username"])
    page.get_by_text("Password", exact=True).fill(order["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Continue").click()
    assert page.locator("css=h1").inner_text() == "Account search"


def list_invoices(page: Page, request: ClaimedRequest) -> list[FoundInvoice]:
    """From the search to the invoices of the period."""
    page.goto("/accounts")
    page.get_by_role("textbox", name="Account number").fill(request.account)
    page.get_by_role("button", name="Search").click()
    page.locator("#account-list").get_by_text(request.account, exact=True).click()
    page.get_by_role("textbox", name="From").fill(request.period_from.strftime(DAY))
    page.get_by_role("textbox", name="To").fill(request.period_to.strftime(DAY))
    page.get_by_role("combobox", name="Show").select_option(label="All items")
    page.get_by_role("button", name="List").click()
    assert page.locator("css=h1").inner_text() == "Invoices"
    rows = page.locator("#invoice-list tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    return [
        FoundInvoice(
            number=number,
            issued_on=datetime.strptime(day, DAY).replace(tzinfo=UTC).date(),
            kind=kind,
        )
        for number, day, kind, *_ in rows
    ]


def send(page: Page, bot: Connection, request: ClaimedRequest, delivery: Delivery) -> str:
    """One invoice; returns the recipient."""
    page.goto(f"/invoices/{delivery.invoice_number}")
    page.get_by_role("link", name="E-mail copy").click()
    form = {
        name: page.locator(f"#{name}").input_value()
        for name in ("account", "invoice", "recipient", "customer", "postcode")
    }
    assert (form["account"], form["invoice"]) == (request.account, delivery.invoice_number)
    answer = request_queue.begin_delivery(
        bot, request, delivery.delivery_id, recipient=form["recipient"]
    )
    assert answer.verdict == "go", answer
    page.get_by_role("button", name="Send e-mail").click()
    assert page.locator("css=h1").inner_text() == "E-mail sent"
    said = page.locator("#confirmation").inner_text()
    request_queue.record_click(
        bot, request, delivery.delivery_id, clicked_at=datetime.now(UTC), confirmation=said[:5]
    )
    page.screenshot(type="jpeg", quality=70)
    return form["recipient"]


def confirm(
    page: Page, bot: Connection, request: ClaimedRequest, sent: dict[int, tuple[str, str]]
) -> None:
    """All that was sent, by one look at the log."""
    page.goto("/sent")
    page.get_by_role("textbox", name="Account").fill(request.account)
    page.get_by_role("button", name="Show").click()
    rows = page.locator("#sent-list tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    for delivery_id, (invoice, recipient) in sent.items():
        proof = next(row[0] for row in rows if row[3] == invoice and row[4] == recipient)
        request_queue.confirm(bot, request, delivery_id, proof_kind="sent_log", proof_value=proof)


def work(page: Page, bot: Connection, request: ClaimedRequest) -> None:
    """One request, from claim to settlement."""
    found = list_invoices(page, request)
    request_queue.plan_deliveries(bot, request, found, ["Credit note"])
    sent = {}
    for delivery in request_queue.deliveries(bot, request):
        if delivery.state == "planned":
            recipient = send(page, bot, request, delivery)
            sent[delivery.delivery_id] = (delivery.invoice_number, recipient)
    confirm(page, bot, request, sent)
    request_queue.settle(bot, request, error_class=None, reason_code=None)


def main() -> None:
    """Work until the queue is empty."""
    order = json.loads(sys.stdin.readline())
    bot = connect_to(order["database"])
    assert request_queue.take_portal_lock(bot, "practice")
    run = request_queue.start_bot_run(
        bot,
        portal="practice",
        host="bench",
        boot_id="bench",
        process_group=1,
        process_started_at=1,
        dag_run_id="raw-playwright",
        selection=Selection(),
        limit=10_000,
        versions={},
        actor="bench",
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.FLAGS)
        )
        context = browser.new_context(base_url=order["portal_url"], service_workers="block")
        page = context.new_page()
        sign_in(page, order)
        page.close()
        while (request := request_queue.claim_next(bot, run)) is not None:
            page = context.new_page()
            work(page, bot, request)
            page.close()
        browser.close()
    request_queue.finish_bot_run(bot, run, stop_reason="drained", blocked_requests=0)


if __name__ == "__main__":
    main()
