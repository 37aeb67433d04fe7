"""What may be written down about a page."""

from __future__ import annotations

import pytest

from billcopy.bot.context import error_prefixes
from billcopy.masking import MASK, WITHHELD, Masker

OURS = error_prefixes()


def test_remembered_values_addresses_and_long_numbers_are_hidden() -> None:
    masker = Masker()
    masker.remember(["4027310", "O'Hara", None, "", "BT"])
    text = masker.masked("O'Hara of 4027310, a.b@example.org, 94027310, BT, ref 100482")
    assert text == f"{MASK} of {MASK}, {MASK}, {MASK}, BT, ref {MASK}"


def test_a_value_inside_another_is_hidden_after_it() -> None:
    masker = Masker()
    masker.remember(["Anna", "Anna Schmidt"])
    assert masker.masked("Anna Schmidt and Anna") == f"{MASK} and {MASK}"


def test_nothing_is_remembered_after_the_request() -> None:
    masker = Masker()
    masker.remember(["Smith"])
    masker.forget()
    assert masker.masked("Smith") == "Smith"


def test_a_password_in_an_address_is_cut_off() -> None:
    assert Masker().masked("at https://x.example/in?pw=1#a b") == "at https://x.example/in b"


@pytest.mark.parametrize(
    "message",
    [
        "TimeoutError: locator.click: Timeout 10000ms exceeded.",
        "Keyword timeout 5 seconds exceeded.",
        "Execution terminated by signal",
        "No keyword with name 'Open Page' found.",
        "ACCOUNT_NOT_FOUND: The portal has no account with exactly this number.",
        "PAGE_NOT_AS_EXPECTED: Expected: Invoices",
        "STOP_SWITCH: The click was refused: STOP_SWITCH.",
    ],
)
def test_harmless_messages_stay_exactly_as_they_are(message: str) -> None:
    assert Masker().failure(message, ours=OURS) == message


@pytest.mark.parametrize(
    "message",
    [
        "Text 'Seán O'Hara' (str) should be 'X' (str)",
        "ValueError: could not convert string to float: 'Anna'",
        "Error: strict mode violation: <td>Anna</td>",
        "invalid input syntax\nDETAIL: Key (account)=(Anna)",
    ],
)
def test_everything_else_is_withheld(message: str) -> None:
    assert Masker().failure(message, ours=OURS) == WITHHELD


def test_of_a_longer_message_the_harmless_lines_stay() -> None:
    masker = Masker()
    masker.remember(["Anna"])
    message = (
        "TimeoutError: locator.fill: Timeout 4000ms exceeded.\nCall log:\n"
        "  - waiting for locator('text=\"Anna\"')\n  - locator resolved to <td>Berg</td>"
    )
    reduced = masker.failure(message, ours=OURS)
    assert "Anna" not in reduced
    assert "Berg" not in reduced
    assert reduced.startswith("TimeoutError")
    assert reduced.endswith(WITHHELD)


def test_in_a_rehearsal_messages_are_masked_but_not_withheld() -> None:
    masker = Masker(strict=False)
    masker.remember(["4027310"])
    assert masker.failure("Text '4027310' should be 'X'") == f"Text '{MASK}' should be 'X'"
