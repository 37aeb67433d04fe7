"""The last look before the click: does the send form show what the request asked for? Pure.

No message here holds a value of the form or the request: it says which field differs, not how.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from billcopy.errors import CheckValueMismatch, FormMismatch, NoAddressOnFile, PageDrift

_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")
_GENERATION = {"jr", "sr", "ii", "iii", "iv"}
# Letters that Unicode does not take apart, and the German way of writing umlauts without dots.
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


@dataclass(frozen=True, kw_only=True)
class SendForm:
    """What the form shows, as text. `recipient` is where the portal would send to now."""

    account: str
    invoice: str
    recipient: str
    name: str = ""
    postcode: str = ""

    @classmethod
    def from_fields(cls, fields: Mapping[str, object]) -> SendForm:
        """Build it from what `Read Send Form` returned.

        Raises:
            PageDrift: a field is missing; an empty `recipient` is an answer, not drift.
        """
        for name in ("account", "invoice", "recipient"):
            if fields.get(name) is None or (name != "recipient" and not str(fields[name]).strip()):
                raise PageDrift(f"Read Send Form did not find the field “{name}”.")
        known = {name: str(fields.get(name) or "").strip() for name in cls.__dataclass_fields__}
        return cls(**known)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the form must show. `recipient` None: any address the portal has on file."""

    account: str
    invoice: str
    recipient: str | None
    check_value: str | None
    surname_first: bool = False


def check(form: SendForm, expected: Expected) -> None:
    """Compare; silence means that the click would send the right bill to the right person.

    Raises:
        FormMismatch: account, invoice or recipient differ.
        NoAddressOnFile: the form has no recipient and the request gives none.
        CheckValueMismatch: the check value is neither surname nor postcode.
    """
    if _compact(form.account) != _compact(expected.account):
        raise FormMismatch("The send form shows another account than the request's.")
    if form.invoice != expected.invoice.strip():
        raise FormMismatch("The send form shows another invoice than the one opened.")
    if expected.recipient is not None:
        if form.recipient.casefold() != expected.recipient.strip().casefold():
            raise FormMismatch("The send form shows another recipient than the request's.")
    elif not form.recipient:
        raise NoAddressOnFile
    elif not _EMAIL.fullmatch(form.recipient):
        raise FormMismatch("The address on file is not one e-mail address.")
    if expected.check_value is not None and not answers_check(
        expected.check_value,
        name=form.name,
        postcode=form.postcode,
        surname_first=expected.surname_first,
    ):
        raise CheckValueMismatch


def answers_check(
    check_value: str, *, name: str, postcode: str, surname_first: bool = False
) -> bool:
    """Whether a check value is this customer's surname (or whole name) or postcode.

    Upper and lower case, accents, apostrophes, hyphens and spaces do not count; `Mueller` is
    `Müller`. A given name alone is no answer.
    """
    if (given := _compact(check_value)) and given == _compact(postcode):
        return True
    return any(
        _is_surname(asked, _words(name, umlauts=umlauts), name=name, surname_first=surname_first)
        for umlauts in (True, False)
        if (asked := _words(check_value, umlauts=umlauts))
    )


def _is_surname(asked: list[str], words: list[str], *, name: str, surname_first: bool) -> bool:
    if asked == words:
        return True
    if "," in name:  # Surname, Given
        length = len(_words(name.split(",", 1)[0], umlauts=False))
        return asked == words[:length]
    while words and words[-1] in _GENERATION:
        words = words[:-1]
    if len(asked) >= len(words):
        return False
    return (words[: len(asked)] if surname_first else words[-len(asked) :]) == asked


def _words(text: str, *, umlauts: bool) -> list[str]:
    text = unicodedata.normalize("NFC", text).casefold()
    if umlauts:
        text = text.translate(_UMLAUTS)
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    text = re.sub(r"['’‘ʼ`´.]", "", text)
    return re.findall(r"\w+", text)


def _compact(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
