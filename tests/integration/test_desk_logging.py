"""Logging a request on the desk: what enters, what comes back, what is said beside a field."""

from __future__ import annotations

from tests.desk_fixtures import Desk, visible


def test_a_form_becomes_a_queued_request_under_the_persons_name(desk: Desk) -> None:
    number = desk.log(account="4031188", reference="CS-1", priority="1")
    page = desk.get(f"/?logged={number}").text
    assert f"Request {number} is logged. Waiting for the bot." in visible(page)
    told = visible(desk.get(f"/requests/{number}").text)
    assert "CS-1" in told
    assert "by rep" in told
    assert "Urgent" in told
    assert "4031188" not in page + told
