"""The last look before the click."""

from __future__ import annotations

from typing import Any

import pytest

from billcopy.errors import CheckValueMismatch, FormMismatch, NoAddressOnFile, PageDrift
from billcopy.form_check import Expected, SendForm, answers_check, check


def form(**changes: Any) -> SendForm:
    values: dict[str, Any] = {
        "account": "4027310",
        "invoice": "I-1",
        "recipient": "a@example.org",
        "name": "Seán O'Hara",
        "postcode": "BT7 1NN",
    }
    return SendForm(**{**values, **changes})


def expected(**changes: Any) -> Expected:
    values: dict[str, Any] = {
        "account": "4027310",
        "invoice": "I-1",
        "recipient": None,
        "check_value": None,
    }
    return Expected(**{**values, **changes})


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ({}, {}),
        ({"account": "4027 310"}, {}),
        ({}, {"recipient": "A@Example.org"}),
        ({}, {"check_value": "O’Hara"}),
        ({}, {"check_value": "bt71nn"}),
    ],
)
def test_the_right_form_passes(shown: dict[str, Any], asked: dict[str, Any]) -> None:
    check(form(**shown), expected(**asked))


@pytest.mark.parametrize(
    ("shown", "asked", "error"),
    [
        ({"account": "94027310"}, {}, FormMismatch),
        ({"account": "402731"}, {}, FormMismatch),
        ({"invoice": "I-10"}, {}, FormMismatch),
        ({"recipient": "b@example.org"}, {"recipient": "a@example.org"}, FormMismatch),
        ({"recipient": ""}, {"recipient": "a@example.org"}, FormMismatch),
        ({"recipient": ""}, {}, NoAddressOnFile),
        ({"recipient": "a@example.org, b@example.org"}, {}, FormMismatch),
        ({"recipient": "by post"}, {}, FormMismatch),
        ({}, {"check_value": "Seán"}, CheckValueMismatch),
        ({"name": "", "postcode": ""}, {"check_value": "x"}, CheckValueMismatch),
    ],
)
def test_a_wrong_form_is_refused_and_no_value_is_said(
    shown: dict[str, Any], asked: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as refused:
        check(form(**shown), expected(**asked))
    for value in ("4027310", "example", "Seán", "I-1"):
        assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Müller-Łukasik", "Zoë Müller-Łukasik"),
        ("mueller lukasik", "Zoë Müller-Łukasik"),
        ("Muller Lukasik", "Zoë Müller-Łukasik"),
        ("Wisniewski", "Tomasz Wiśniewski"),
        ("Thị Ánh", "Nguyễn Thị Ánh"),
        ("D'Arcy", "Callum D’Arcy"),
        ("DARCY", "Callum D’Arcy"),
        ("van der Berg", "Anna van der Berg"),
        ("Schmidt", "Schmidt, Anna Maria"),
        ("Grosse", "Karl Große"),
        ("Sorensen", "Kim Sørensen"),
        ("Soerensen", "Kim Sørensen"),
        ("King", "Martin King Jr."),
        ("Brackenfell Community Hall", "Brackenfell Community Hall"),
    ],
)
def test_the_surname_answers_however_it_is_written(answer: str, name: str) -> None:
    assert answers_check(answer, name=name, postcode="")


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Anna", "Anna Schmidt"),
        ("Anna", "Schmidt, Anna"),
        ("Schmi", "Anna Schmidt"),
        ("Schmidt", "Anna Schmidt-Meier"),
        ("", "Anna Schmidt"),
        ("'", "Anna Schmidt"),
        ("Jr", "Martin King Jr"),
    ],
)
def test_anything_else_does_not(answer: str, name: str) -> None:
    assert not answers_check(answer, name=name, postcode="")


def test_a_portal_may_write_the_surname_first() -> None:
    assert answers_check("Nagy", name="Nagy Péter", postcode="", surname_first=True)
    assert not answers_check("Péter", name="Nagy Péter", postcode="", surname_first=True)


@pytest.mark.parametrize("missing", ["account", "invoice", "recipient"])
def test_a_form_that_lacks_a_field_is_drift(missing: str) -> None:
    fields = {"account": "1", "invoice": "2", "recipient": "", missing: None}
    with pytest.raises(PageDrift, match=missing):
        SendForm.from_fields(fields)


def test_an_empty_recipient_is_an_answer() -> None:
    assert SendForm.from_fields({"account": "1", "invoice": "2", "recipient": ""}).recipient == ""
