"""A failure as whoever must mend it reads it; keywords only for those who ask."""

from __future__ import annotations

from typing import Any

import pytest

from billcopy.cli import story_text
from billcopy.model import Story

AT = "2026-03-01T12:00:0{}+00:00"
REQUEST: dict[str, Any] = {
    "id": 7,
    "state": "queued",
    "reason": "A page of the bank's portal was not as expected.",
    "portal": "practice",
    "account_masked": "••••310",
    "period_from": "2026-01-01",
    "period_to": "2026-01-31",
    "recipient_masked": None,
    "reference": None,
    "priority": 2,
    "requested_by": "ann",
    "channel": "desk",
    "received_at": AT.format(0),
    "due_at": None,
    "not_before": AT.format(9),
    "finished_at": None,
    "attempts": 1,
    "rescues": 0,
    "resend_reason": None,
    "cancel_requested_at": None,
}
STEPS = [
    {"kind": "checkpoint", "step": "invoices listed", "detail": {"found": 1}},
    {"kind": "keyword", "step": "Find Account", "detail": {"ms": 80}},
    {"kind": "keyword", "step": "Open Send Form", "detail": {"ms": 1010, "status": "failed"}},
    {
        "kind": "failure",
        "step": "stopped",
        "detail": {
            "page": "/invoices/•••",
            "keyword": "Click (sending.resource:16)",
            "expected": ['role=link[name="E-mail copy"]'],
            "on_screen": ["link “Send duplicate”", "button “Void invoice”"],
            "replay": 'make bot PORTAL=practice ARGS="--request 7"',
        },
    },
]


def told(capsys: pytest.CaptureFixture[str], *, keywords: bool) -> str:
    steps = [{"at": AT.format(n), "delivery_id": None, **one} for n, one in enumerate(STEPS)]
    story = Story(request=REQUEST, attempts=[], deliveries=[], events=[], steps=steps, evidence=[])
    story_text.print_story(story, keywords=keywords)
    return " ".join(capsys.readouterr().out.split())


def test_a_failure_tells_what_is_needed_to_mend_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, keywords=False)
    assert "on the page: /invoices/•••" in text
    assert "at the keyword: Click (sending.resource:16)" in text
    assert 'expected: role=link[name="E-mail copy"]' in text
    assert "on screen: link “Send duplicate”, button “Void invoice”" in text
    assert 'to walk there again: make bot PORTAL=practice ARGS="--request 7"' in text


def test_keywords_are_told_to_who_asks_and_failed_ones_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = told(capsys, keywords=False)
    assert "Open Send Form [ms 1010, status failed]" in text
    assert "Find Account" not in text
    assert "Find Account [ms 80]" in told(capsys, keywords=True)
