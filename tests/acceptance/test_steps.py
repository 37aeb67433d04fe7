"""What stays of a bot run: its keywords with their times, and what it ran on."""

from __future__ import annotations

import pytest

from tests.bot_fixtures import Bot

pytestmark = pytest.mark.slow


def test_a_request_leaves_its_keywords_with_times_and_the_run_its_versions(bot: Bot) -> None:
    request = bot.submit()
    bot.run()
    rows = [one for one in bot.story(request).steps if one["kind"] == "keyword"]
    names = [one["step"] for one in rows]
    walked = ["Find Account", "List Invoices", "Open Send Form", "Read Send Form"]
    clicked = ["Begin Delivery", "Press Send", "Read Confirmation", "Record Click"]
    wanted = [*walked, *clicked, "Read Sent Log"]
    assert [name for name in names if name in wanted] == wanted
    assert all(0 <= one["detail"]["ms"] < 60_000 for one in rows)
    assert not [one for one in rows if "status" in one["detail"]]
    assert not [name for name in names if name in ("The Page Should Be", "Click", "Go To")]
    assert bot.account(bot.story(request).request["account_masked"]) not in str(rows)

    [[versions]] = bot.execute("select versions from billcopy.bot_runs")
    assert len(versions["portal_folder"]) == len(versions["resources"]) == 64
    assert versions["browser"].startswith("chromium ")
    assert {"python", "billcopy", "robotframework", "robotframework-browser"} <= set(versions)


def test_a_keyword_that_failed_says_so(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(http_500=1, http_500_path="/invoices$")
    bot.run()
    failed = [
        one["step"] for one in bot.story(request).steps if one["detail"].get("status") == "failed"
    ]
    assert "Find Account" in failed
    told = bot.failure(request)
    assert told["keyword"].startswith("Portal Is Down (pages.resource:")
    assert told["page"].startswith("/accounts/")
