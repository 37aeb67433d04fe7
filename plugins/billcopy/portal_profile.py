"""A portal folder's `profile.yaml`: what the bot must know about a portal besides its keywords.

docs/portals.md explains each key to the people who write these files; this module checks them.
Every complaint names the file, the key and the rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from billcopy.errors import InputError, NotFound, PageDrift
from billcopy.portal_traffic import (
    Rule,
    SendRule,
    SentLog,
    read_allowed,
    read_send,
    read_sent_log,
)
from billcopy.yaml_keys import Keys

PROFILE = "profile.yaml"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

RecipientPolicy = Literal["on_file", "request", "either"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One portal, checked."""

    name: str
    folder: Path
    title: str
    base_url: str
    account_pattern: str
    account_example: str
    date_format: str
    time_format: str
    time_zone: ZoneInfo
    allowed: tuple[Rule, ...]
    send: SendRule
    sent_log: SentLog
    recipient: RecipientPolicy
    kinds_never_sent: tuple[str, ...]
    click_budget: timedelta
    evidence_show: tuple[str, ...]
    native_dialogs: Literal["accept", "dismiss"]
    name_order: Literal["given_first", "surname_first"]
    keyword_timeout: timedelta

    @property
    def registration(self) -> dict[str, str]:
        """What the queue keeps of it: the arguments of `register_portal`, but for the actor."""
        return {
            "name": self.name,
            "title": self.title,
            "account_pattern": self.account_pattern,
            "account_example": self.account_example,
            "recipient_policy": self.recipient,
            "time_zone": self.time_zone.key,
        }

    def date_text(self, day: date) -> str:
        """A date as the portal writes it."""
        return day.strftime(self.date_format)

    def read_date(self, text: str) -> date:
        """A date the portal shows.

        Raises:
            PageDrift: it is not written in the profile's `date_format`.
        """
        try:
            return datetime.strptime(text.strip(), self.date_format).date()  # noqa: DTZ007
        except ValueError:
            raise PageDrift(f"A date is not written as {self.date_format}.") from None

    def read_moment(self, text: str) -> datetime:
        """A moment in the portal's log, with its zone.

        In the hour that a clock change repeats, the later reading is taken: a row that looks
        younger than it is can prove a delivery, one that looks older could hide it.

        Raises:
            PageDrift: it is not written in the profile's `time_format`.
        """
        try:
            moment = datetime.strptime(text.strip(), self.time_format)  # noqa: DTZ007
        except ValueError:
            raise PageDrift(f"A moment is not written as {self.time_format}.") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.time_zone, fold=1)
        return moment.astimezone(UTC)

    def is_sendable(self, kind: str) -> bool:
        """Whether documents of this kind may ever be sent."""
        never = {one.casefold() for one in self.kinds_never_sent}
        return kind.strip().casefold() not in never


def find_folder(name: str, portal_path: Sequence[Path | str]) -> Path:
    """The portal folder of that name, in the first folder of the search path that has it.

    Raises:
        NotFound: none has; the message says where was looked and what is there.
    """
    if NAME.fullmatch(name):
        for parent in portal_path:
            if (Path(parent) / name / PROFILE).is_file():
                return Path(parent) / name
    there = ", ".join(names(portal_path)) or "none"
    places = ", ".join(str(parent) for parent in portal_path)
    raise NotFound(f"There is no portal folder “{name}” in {places}; there is: {there}.")


def names(portal_path: Sequence[Path | str]) -> list[str]:
    """All portals on the search path; a folder that starts with `_` is none."""
    return sorted(
        {
            profile.parent.name
            for parent in portal_path
            for profile in Path(parent).glob(f"*/{PROFILE}")
            if NAME.fullmatch(profile.parent.name)
        }
    )


def load(folder: Path, *, url: str | None = None) -> Profile:
    """Read and check a portal folder's profile; `url` takes the place of its `base_url`.

    Raises:
        InputError: a key is missing, unknown or breaks its rule.
    """
    file = folder / PROFILE
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(str(file), "is missing") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        rule = " ".join(str(error).split())[:200]
        raise InputError(str(file), f"is not readable as YAML: {rule}") from None
    top = Keys(file, content)
    profile = _profile(folder, top, url)
    top.no_others()
    return profile


def _profile(folder: Path, top: Keys, url: str | None) -> Profile:
    account = top.keys("account")
    pattern = account.regex("pattern")
    example = account.text("example")
    if not re.fullmatch(pattern, example):
        account.complain("example", "does not match the pattern beside it")
    account.no_others()
    evidence = top.keys("evidence")
    show = evidence.texts("show")
    evidence.no_others()
    base_url = _origin_and_path(top, "base_url", url)
    send = read_send(top.keys("send"))
    return Profile(
        name=folder.name,
        folder=folder,
        title=top.text("title"),
        base_url=base_url,
        account_pattern=pattern,
        account_example=example,
        date_format=_date_format(top, "date_format", needs="%Y"),
        time_format=_date_format(top, "time_format", needs="%H"),
        time_zone=_zone(top),
        allowed=read_allowed(top.list_of_keys("allowed"), send),
        send=send,
        sent_log=read_sent_log(top.keys("sent_log")),
        recipient=top.choice("recipient", ("on_file", "request", "either")),  # type: ignore[arg-type]
        kinds_never_sent=top.texts("kinds_never_sent"),
        click_budget=timedelta(seconds=top.number("click_budget_seconds", least=1, most=120)),
        evidence_show=show,
        native_dialogs=top.choice(  # type: ignore[arg-type]
            "native_dialogs", ("accept", "dismiss"), default="accept"
        ),
        name_order=top.choice(  # type: ignore[arg-type]
            "name_order", ("given_first", "surname_first"), default="given_first"
        ),
        keyword_timeout=timedelta(
            seconds=top.number("keyword_timeout_seconds", least=1, most=120, default=10)
        ),
    )


def _origin_and_path(keys: Keys, name: str, override: str | None) -> str:
    url = keys.text(name)
    if override is not None:
        url = override
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        keys.complain(name, "must look like https://host or https://host/path")
    if parts.username or parts.password:
        keys.complain(name, "must not hold a user name or password")
    return url.rstrip("/")


def _date_format(keys: Keys, name: str, *, needs: str) -> str:
    text = keys.text(name)
    probe = datetime(2021, 12, 31, 23, 58, 59, tzinfo=UTC)
    try:
        back = datetime.strptime(probe.strftime(text), text)  # noqa: DTZ007
    except ValueError:
        keys.complain(name, "is no date format (like %d.%m.%Y)")
    if back.date() != probe.date():
        keys.complain(name, "must hold day, month and four-digit year (like %d.%m.%Y)")
    if needs == "%H" and back.hour != probe.hour:
        keys.complain(name, "must hold the time of day, too (like %d.%m.%Y %H:%M)")
    return text


def _zone(keys: Keys) -> ZoneInfo:
    try:
        return ZoneInfo(keys.text("time_zone"))
    except (ZoneInfoNotFoundError, ValueError):
        keys.complain("time_zone", "is no time zone (like Europe/Berlin)")
