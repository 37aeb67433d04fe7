"""A portal folder's profile: every complaint names file, key and rule."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from billcopy import portal_profile
from billcopy.errors import InputError, NotFound, PageDrift

PORTALS = Path(__file__).resolve().parents[2] / "robot" / "portals"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PORTALS / "practice", tmp_path / "practice"))


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    file = folder / "profile.yaml"
    values = yaml.safe_load(file.read_text())
    change(values)
    file.write_text(yaml.safe_dump(values))
    return folder


def test_the_practice_portals_profile_is_read() -> None:
    profile = portal_profile.load(PORTALS / "practice", url="http://127.0.0.1:9/")
    assert profile.base_url == "http://127.0.0.1:9"
    assert profile.send.path.endswith("/email")
    assert not profile.is_sendable("credit NOTE ")
    assert profile.is_sendable("Bill")
    assert profile.date_text(date(2026, 2, 3)) == "02/03/2026"
    assert profile.read_date(" 02/03/2026 ") == date(2026, 2, 3)


def test_a_moment_of_the_log_is_read_in_the_portals_zone() -> None:
    profile = portal_profile.load(PORTALS / "practice")
    summer = profile.read_moment("07/01/2026 01:00:00 PM")
    winter = profile.read_moment("01/05/2026 01:00:00 PM")
    assert summer == datetime(2026, 7, 1, 18, tzinfo=UTC)
    assert winter == datetime(2026, 1, 5, 19, tzinfo=UTC)


def test_in_the_repeated_hour_the_later_moment_is_taken() -> None:
    profile = portal_profile.load(PORTALS / "practice")
    assert profile.read_moment("11/01/2026 01:30:00 AM") == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-01-01", "13/13/2026", "01/05/26"])
def test_a_date_in_another_format_is_drift(text: str) -> None:
    with pytest.raises(PageDrift):
        portal_profile.load(PORTALS / "practice").read_date(text)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "missing": (lambda p: p.pop("title"), "title: is missing"),
    "unknown": (lambda p: p.update(titel="x"), "titel: is not known here; did you mean title?"),
    "nested": (lambda p: p["sent_log"].update(lag="x"), "sent_log.lag: is not known here"),
    "no text": (lambda p: p.update(title=3), "title: must be a text"),
    "address": (lambda p: p.update(base_url="bank.example"), "base_url: must look like https"),
    "credentials": (
        lambda p: p.update(base_url="https://a:b@bank.example"),
        "base_url: must not hold a user name",
    ),
    "pattern": (lambda p: p["account"].update(pattern="["), "account.pattern: is no regular"),
    "example": (lambda p: p["account"].update(example="x"), "account.example: does not match"),
    "date": (lambda p: p.update(date_format="%d.%m"), "date_format: must hold day, month"),
    "time": (lambda p: p.update(time_format="%d.%m.%Y"), "time_format: must hold the time of day"),
    "zone": (lambda p: p.update(time_zone="Mars/Base"), "time_zone: is no time zone"),
    "method": (
        lambda p: p["allowed"][0].update(method="get"),
        "allowed[1].method: must be one of GET",
    ),
    "any path": (lambda p: p["allowed"][2].update(path=".*"), "allowed[3].path: allows any path"),
    "no slash": (lambda p: p["send"].update(path="send"), "send.path: must start with /"),
    "field": (
        lambda p: p["send"].update(form_field={"name": "a"}),
        "send.form_field.value: is missing",
    ),
    "proof": (lambda p: p["sent_log"].update(proof="hope"), "sent_log.proof: must be one of"),
    "lag": (
        lambda p: p["sent_log"].update(lag_seconds=-1),
        "sent_log.lag_seconds: must be between 0 and 600",
    ),
    "number": (
        lambda p: p.update(click_budget_seconds="20"),
        "click_budget_seconds: must be a number",
    ),
    "list": (lambda p: p.update(kinds_never_sent=None), "kinds_never_sent: must be a list"),
    "policy": (lambda p: p.update(recipient="any"), "recipient: must be one of on_file"),
}


@pytest.mark.parametrize(("change", "complaint"), CHANGES.values(), ids=CHANGES)
def test_a_wrong_key_is_named_with_its_rule(
    folder: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    with pytest.raises(InputError) as refused:
        portal_profile.load(changed(folder, change))
    assert refused.value.field == str(folder / "profile.yaml")
    assert refused.value.rule.startswith(complaint)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: b: c", "\t"])
def test_a_file_that_is_no_profile_is_refused(folder: Path, text: str) -> None:
    (folder / "profile.yaml").write_text(text)
    with pytest.raises(InputError):
        portal_profile.load(folder)


def test_the_first_folder_of_the_search_path_wins(folder: Path) -> None:
    found = portal_profile.find_folder("practice", [folder.parent, PORTALS])
    assert found == folder


@pytest.mark.parametrize("name", ["north_bank", "_template", "../practice", "Practice", ""])
def test_a_portal_that_is_not_there_is_said_with_those_that_are(name: str) -> None:
    with pytest.raises(NotFound, match="practice"):
        portal_profile.find_folder(name, [PORTALS])


def test_the_template_is_no_portal() -> None:
    assert "_template" not in portal_profile.names([PORTALS])
    assert portal_profile.load(PORTALS / "_template").title
