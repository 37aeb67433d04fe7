"""What a portal may be asked, which request sends, and how its own log proves it.

The parts of `profile.yaml` behind `allowed`, `send` and `sent_log`; `portal_profile` has the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from billcopy.errors import PageDrift
from billcopy.yaml_keys import Keys

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOTE_PARTS = ("recipient", "sent_at", "sender")

ProofKind = Literal["row_id", "fields", "invoice_note", "screen"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Requests the browser may make: a method, a path as a whole, on the portal's own origin.

    Where actions share an address, `form_field` names the field that tells them apart and the
    values it may have: each one it has must be among them.
    """

    method: str
    path: str
    origin: str | None = None
    form_field: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class SendRule:
    """The one request that sends a bill; with a form field where actions share an address.

    A named group `invoice` in `path`, or the form's `invoice_field`, pins the permit to that
    invoice.
    """

    method: str
    path: str
    form_field: tuple[str, str] | None = None
    invoice_field: str | None = None


@dataclass(frozen=True, kw_only=True)
class NoteRules:
    """How a note says that something was sent, and which other notes there are; whole texts."""

    sent: str
    others: tuple[str, ...]

    def read(self, text: str) -> dict[str, str] | None:
        """A note's recipient, moment and sender; None if it is about something else.

        Raises:
            PageDrift: nobody said what such a note means. Passing it over could hide that a bill
                was sent, and send it again.
        """
        if (found := re.fullmatch(self.sent, text.strip())) is not None:
            return {name: value or "" for name, value in found.groupdict().items()}
        if not any(re.fullmatch(other, text.strip()) for other in self.others):
            raise PageDrift("A note is neither one of sending nor among the others of the profile.")
        return None


@dataclass(frozen=True, kw_only=True)
class SentLog:
    """How the portal's own log proves a delivery, how late and how exact it is."""

    proof: ProofKind
    lag: timedelta
    precision: timedelta
    note: NoteRules | None = None


def read_allowed(entries: Sequence[Keys], send: SendRule) -> tuple[Rule, ...]:
    """The rules of `allowed`.

    Raises:
        InputError: an entry breaks its rule, or opens the shared address of `send` to any action.
    """
    return tuple(_rule(keys, send) for keys in entries)


def _rule(keys: Keys, send: SendRule) -> Rule:
    form_field = None
    if (field := keys.optional_keys("form_field")) is not None:
        form_field = (field.text("name"), field.texts("values"))
        field.no_others()
    rule = Rule(
        method=keys.choice("method", METHODS),
        path=_path(keys),
        origin=keys.text("origin", default="") or None,
        form_field=form_field,
    )
    if rule.origin is not None and not re.fullmatch(r"https?://[^/\s?#@]+", rule.origin):
        keys.complain("origin", "must look like https://host")
    shared = send.form_field is not None and (rule.method, rule.path) == (send.method, send.path)
    if shared and rule.form_field is None:
        keys.complain(
            "form_field", "is missing: without it every action at this address may happen"
        )
    keys.no_others()
    return rule


def read_send(keys: Keys) -> SendRule:
    """The rule of `send`.

    Raises:
        InputError: a key is missing, unknown or breaks its rule.
    """
    method, path = keys.choice("method", METHODS), _path(keys)
    form_field = None
    if (field := keys.optional_keys("form_field")) is not None:
        form_field = (field.text("name"), field.text("value"))
        field.no_others()
    invoice_field = keys.text("invoice_field", default="") or None
    keys.no_others()
    return SendRule(method=method, path=path, form_field=form_field, invoice_field=invoice_field)


def read_sent_log(keys: Keys) -> SentLog:
    """The rules of `sent_log`.

    Raises:
        InputError: a key is missing, unknown or breaks its rule.
    """
    note = None
    if (about := keys.optional_keys("note")) is not None:
        note = _note(about)
    log = SentLog(
        proof=keys.choice("proof", ("row_id", "fields", "invoice_note", "screen")),  # type: ignore[arg-type]
        lag=timedelta(seconds=keys.number("lag_seconds", least=0, most=600)),
        precision=timedelta(seconds=keys.number("precision_seconds", least=0, most=86_400)),
        note=note,
    )
    if note is not None and log.proof != "invoice_note":
        keys.complain("note", "is for proof: invoice_note")
    keys.no_others()
    return log


def _note(keys: Keys) -> NoteRules:
    sent = keys.regex("sent")
    groups = set(re.compile(sent).groupindex)
    if not {"recipient", "sent_at"} <= groups <= set(NOTE_PARTS):
        keys.complain("sent", "must have the groups recipient and sent_at, and may have sender")
    others = keys.texts("others")
    for other in others:
        try:
            if re.fullmatch(other, "a note that nobody has thought of"):
                keys.complain("others", "fits any note; name those there are")
        except re.error as error:
            keys.complain("others", f"holds no regular expression: {error}")
    keys.no_others()
    return NoteRules(sent=sent, others=others)


def _path(keys: Keys) -> str:
    path = keys.regex("path")
    if re.fullmatch(path, "/a-path/nobody.has/4711") or re.fullmatch(path, "/nobody-has-this"):
        keys.complain("path", "allows any path; list what the bot needs")
    if not path.startswith("/"):
        keys.complain("path", "must start with /")
    return path
