"""What a profile says about requests, the send and the log, where a portal makes it hard."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from billcopy import portal_profile
from billcopy.bot.keywords import guard_rules
from billcopy.errors import InputError, PageDrift
from billcopy.portal_check import static_findings
from billcopy.portal_traffic import NoteRules

HARBOUR = Path(__file__).resolve().parents[2] / "sandbox" / "portals" / "harbour"
NOTES = NoteRules(
    sent=r"Copy sent to (?P<recipient>\S+) on (?P<sent_at>[0-9. :]+) by (?P<sender>\S+)",
    others=(r"Entered [0-9.]+ by \S+",),
)


def test_the_second_practice_portals_folder_keeps_every_rule() -> None:
    assert static_findings(HARBOUR) == []


def test_the_guard_is_told_the_fields() -> None:
    rules = guard_rules(portal_profile.load(HARBOUR))
    name, values = rules["allowed"][-1]["formField"]
    assert name == "__EVENTTARGET"
    assert "btnFind" in values
    assert not {"btnSend", "lnkVoid"} & set(values)
    assert rules["send"]["formField"] == ["__EVENTTARGET", "btnSend"]
    assert rules["send"]["invoiceField"] == "ctl4"


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "any action": (
        lambda p: p["allowed"][3].pop("form_field"),
        "allowed[4].form_field: is missing: without it every action",
    ),
    "no values": (
        lambda p: p["allowed"][3]["form_field"].pop("values"),
        "allowed[4].form_field.values: is missing",
    ),
    "unknown": (
        lambda p: p["allowed"][3]["form_field"].update(value="x"),
        "allowed[4].form_field.value: is not known here",
    ),
    "invoice field": (
        lambda p: p["send"].update(invoice_field=4),
        "send.invoice_field: must be a text",
    ),
    "groups": (
        lambda p: p["sent_log"]["note"].update(sent="Copy sent"),
        "sent_log.note.sent: must have the groups recipient and sent_at",
    ),
    "unknown group": (
        lambda p: p["sent_log"]["note"].update(sent="(?P<recipient>a)(?P<sent_at>b)(?P<invoice>c)"),
        "sent_log.note.sent: must have the groups",
    ),
    "any note": (
        lambda p: p["sent_log"]["note"].update(others=[".*"]),
        "sent_log.note.others: fits any note",
    ),
    "broken note": (
        lambda p: p["sent_log"]["note"].update(others=["["]),
        "sent_log.note.others: holds no regular expression",
    ),
    "note for rows": (
        lambda p: p["sent_log"].update(proof="fields"),
        "sent_log.note: is for proof: invoice_note",
    ),
}


@pytest.mark.parametrize(("change", "complaint"), CHANGES.values(), ids=CHANGES)
def test_a_wrong_key_is_named_with_its_rule(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    folder = Path(shutil.copytree(HARBOUR, tmp_path / "harbour"))
    file = folder / "profile.yaml"
    values = yaml.safe_load(file.read_text())
    change(values)
    file.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError) as refused:
        portal_profile.load(folder)
    assert refused.value.rule.startswith(complaint)


def test_a_note_is_taken_apart() -> None:
    assert NOTES.read(" Copy sent to a@b.example on 03.02.2026 14:05 by SVC-BILLCOPY ") == {
        "recipient": "a@b.example",
        "sent_at": "03.02.2026 14:05",
        "sender": "SVC-BILLCOPY",
    }


def test_a_note_about_something_else_is_no_row() -> None:
    assert NOTES.read("Entered 03.02.2026 by BATCH") is None


@pytest.mark.parametrize(
    "text", ["", "Copy mailed to a@b.example", "Copy sent to a@b.example on 03.02.2026 14:05"]
)
def test_a_note_that_nobody_described_is_drift(text: str) -> None:
    with pytest.raises(PageDrift):
        NOTES.read(text)
