"""`run-bot` and the commands for portal folders: what the bot is told, what is refused before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from billcopy.bot import launch as bot_launch
from billcopy.bot.order import BotOrder, StopReason
from tests.cli_fixtures import Run, answer
from tests.secrets_fixtures import ProvisionedVault

WALK = ("run-bot", "practice", "--account", "4027310", "--from", "2026-01-01", "--to", "2026-01-31")
CLAIM = ("run-bot", "practice", "--claim", "--reason", "Airflow is down")


class Launches:
    """Stands in for the bot: keeps its order, says one line, stops as it is told."""

    def __init__(self) -> None:
        self.orders: list[BotOrder] = []
        self.stop = StopReason.DRAINED

    def __call__(self, order: BotOrder, *, on_line: Callable[[str], None]) -> StopReason:
        self.orders.append(order)
        on_line("a line of the bot's")
        return self.stop


@pytest.fixture
def launches(vault: ProvisionedVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launches:
    file = tmp_path / "secret-id"
    file.write_text(vault.roles.airflow_secret_id)
    monkeypatch.setenv("BILLCOPY_VAULT_URL", vault.url)
    monkeypatch.setenv("BILLCOPY_VAULT_ROLE_ID", vault.roles.airflow_role_id)
    monkeypatch.setenv("BILLCOPY_VAULT_SECRET_ID_FILE", str(file))
    stand_in = Launches()
    monkeypatch.setattr(bot_launch, "launch", stand_in)
    return stand_in


def test_the_bot_rehearses_unless_it_is_told_to_claim(billcopy: Run, launches: Launches) -> None:
    shown = billcopy("run-bot", "practice", "--request", 7, "--limit", 2).stdout
    [order] = launches.orders
    assert order.dry_run
    assert order.rehearse is None
    assert (order.selection.request_ids, order.limit, order.linger_seconds) == ((7,), 2, 0)
    assert shown == "a line of the bot's\nThere was nothing more to do.\n"


def test_a_test_account_is_walked_without_the_queue(billcopy: Run, launches: Launches) -> None:
    billcopy(*WALK)
    [order] = launches.orders
    assert order.rehearse is not None
    assert (order.rehearse[0].account, order.rehearse[0].period_to) == (
        "4027310",
        date(2026, 1, 31),
    )
    assert not order.dry_run
    assert order.database is not None  # for the portal's lock


def test_claiming_says_who_and_why(billcopy: Run, launches: Launches) -> None:
    billcopy(*CLAIM)
    [order] = launches.orders
    assert not order.dry_run
    assert order.rehearse is None
    assert order.actor == "casey (Airflow is down)"
    assert "say why" in billcopy("run-bot", "practice", "--claim", code=2).stderr
    assert "leave out --account" in billcopy(*WALK, "--claim", "--reason", "x", code=2).stderr


def test_the_order_carries_the_ways_in_and_shows_neither(billcopy: Run, launches: Launches) -> None:
    billcopy(*WALK)
    [order] = launches.orders
    assert order.database is not None
    assert order.database.password
    for secret in (order.database.password, order.vault.wrapped_secret_id, "4027310"):
        assert secret in order.to_json()
        assert secret not in repr(order)


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (StopReason.DRAINED, 0),
        (StopReason.LIMIT, 0),
        (StopReason.STOPPED, 1),
        (StopReason.MAINTENANCE, 1),
        (StopReason.BREAKER, 1),
        (StopReason.LOCK_BUSY, 1),
        (StopReason.BAD_PORTAL_FOLDER, 1),
        (StopReason.INFRASTRUCTURE, 3),
        (StopReason.INTERRUPTED, 3),
    ],
)
def test_why_the_bot_stopped_is_the_exit_code(
    billcopy: Run, launches: Launches, stop: StopReason, code: int
) -> None:
    launches.stop = stop
    billcopy("run-bot", "practice", code=code)


def test_a_browser_is_shown_only_where_there_is_a_display(
    billcopy: Run, launches: Launches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no display" in billcopy(*WALK, "--headed", code=1).stderr
    monkeypatch.setenv("DISPLAY", ":0")
    billcopy(*WALK, "--headed", "--slow", 250)
    assert (launches.orders[0].headed, launches.orders[0].slow_mo_ms) == (True, 250)


def test_a_portal_without_a_folder_is_told(billcopy: Run, launches: Launches) -> None:
    assert "no portal folder “nowhere”" in billcopy("run-bot", "nowhere", code=1).stderr
    assert launches.orders == []


def test_a_sealed_vault_is_told_before_a_bot_starts(
    billcopy: Run, launches: Launches, vault: ProvisionedVault
) -> None:
    with vault.admin() as admin:
        admin.sys.seal()
    told = billcopy(*WALK, code=3).stderr
    assert told.startswith("VAULT_SEALED: ")
    assert "Unseal Vault" in told
    assert launches.orders == []


# -- portal folders --------------------------------------------------------------------------------


def test_a_portal_folder_is_registered_from_its_profile(billcopy: Run) -> None:
    assert "takes requests" in billcopy("portal-register", "practice").stdout
    [portal] = answer(billcopy("status", "--portal", "practice", "--json"))
    assert portal["title"] != "Practice Bank (tests)"


@pytest.mark.parametrize("account", ["x4027310", "4027310999", "4027310x", "40273"])
def test_an_account_matches_the_profiles_pattern_as_a_whole(billcopy: Run, account: str) -> None:
    billcopy("portal-register", "practice")
    words = ("submit", "--portal", "practice", "--from", "2026-01-01", "--to", "2026-01-31")
    assert (
        "account: is not an account number" in billcopy(*words, "--account", account, code=1).stderr
    )
    billcopy(*words, "--account", "4027310")


def test_a_new_portal_folder_starts_from_the_template(billcopy: Run, tmp_path: Path) -> None:
    shown = billcopy("portal-new", "north_bank", "--in", tmp_path).stdout
    assert "make portal-check PORTAL=north_bank" in shown
    assert (tmp_path / "north_bank" / "profile.yaml").is_file()
    told = billcopy("portal-new", "north_bank", "--in", tmp_path, code=1).stderr
    assert "exists already" in told
    assert "begins with a letter" in billcopy("portal-new", "North Bank", code=1).stderr
    assert "begins with a letter" in billcopy("portal-new", "../x", code=1).stderr


def test_the_practice_portals_folder_keeps_the_contract(billcopy: Run) -> None:
    assert "keeps the contract" in billcopy("portal-check", "practice").stdout


def test_a_folder_that_breaks_the_contract_is_told_every_rule(
    billcopy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    billcopy("portal-new", "north_bank", "--in", tmp_path)
    for file in (tmp_path / "north_bank").glob("*.resource"):
        file.write_text("*** Settings ***\nLibrary    OperatingSystem\n")
    monkeypatch.setenv("BILLCOPY_PORTAL_PATH", f'["{tmp_path}"]')
    told = billcopy("portal-check", "north_bank", code=1).stderr
    assert "“Library” is not permitted" in told
    assert "Press Send" in told
