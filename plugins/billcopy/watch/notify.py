"""Hands notices to people: by mail, and by any address that apprise knows (webhook, chat)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import apprise

from billcopy.errors import SettingsError
from billcopy.settings import PREFIX, Settings
from billcopy.watch.conditions import CONDITIONS

MAIL = "mail"
_ASSET = apprise.AppriseAsset(app_id="billcopy", app_desc="billcopy", async_mode=False)
_WORDS = {"alarm": "alarm", "reminder": "still", "all_clear": "all-clear"}
_TYPES = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}


@dataclass(frozen=True, kw_only=True)
class Message:
    """What somebody reads; without personal data."""

    title: str
    body: str
    type: Any


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One way to people; its address may hold secrets and is shown nowhere."""

    name: str
    target: Any

    def send(self, message: Message) -> str | None:
        """Send it now; why it could not be sent, if so. Raises nothing."""
        with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
            try:
                sent = self.target.notify(
                    title=message.title, body=message.body, notify_type=message.type
                )
            except Exception as error:
                return f"{type(error).__name__} while telling {self.name}"
            return None if sent else _last_line(said.getvalue()) or f"{self.name} took nothing"


def channels(settings: Settings) -> list[Channel]:
    """All that the settings name; none: alarms are only written down.

    Raises:
        SettingsError: a file is not there, or an address is none that apprise knows.
    """
    return list(_channels(settings))


def _channels(settings: Settings) -> Iterator[Channel]:
    if settings.alarm_mail_to:
        yield _channel(MAIL, _mail_address(settings), f"{PREFIX}SMTP_HOST")
    if settings.alarm_addresses_file is not None:
        name = f"{PREFIX}ALARM_ADDRESSES_FILE"
        lines = _read(settings.alarm_addresses_file, name).splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                called, _, address = line.strip().partition(" ")
                yield _channel(called, address.strip(), f"{name}, line {number}")


def _channel(name: str, address: str, setting: str) -> Channel:
    target = apprise.Apprise.instantiate(address, asset=_ASSET, suppress_exceptions=True)
    if target is None:
        raise SettingsError(setting, "is no address that alarms can be sent to")
    return Channel(name=name, target=target)


def _mail_address(settings: Settings) -> str:
    scheme = "mailto" if settings.smtp_security == "none" else "mailtos"
    login = ""
    if settings.smtp_user:
        password = ""
        if settings.smtp_password_file is not None:
            password = _read(settings.smtp_password_file, f"{PREFIX}SMTP_PASSWORD_FILE").strip()
        login = f"{quote(settings.smtp_user, safe='')}:{quote(password, safe='')}@"
    options = {
        "from": settings.alarm_mail_from,
        "to": ",".join(settings.alarm_mail_to),
        "mode": {"none": "insecure", "tls": "ssl"}.get(
            settings.smtp_security, settings.smtp_security
        ),
        "format": "text",
    }
    return f"{scheme}://{login}{settings.smtp_host}:{settings.smtp_port}/?{urlencode(options)}"


def _read(file: Path, setting: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as problem:
        raise SettingsError(setting, f"{file} cannot be read ({problem.strerror})") from None


def _last_line(log: str) -> str:
    lines = log.strip().splitlines()
    return lines[-1].rpartition(" - ")[2] if lines else ""


def message_of(notice: Mapping[str, Any], *, docs_url: str) -> Message:
    """A notice as somebody reads it: what, what to do next, where more stands."""
    condition = CONDITIONS.get(notice["condition"])
    title = condition.title if condition else str(notice["condition"])
    about = f" ({notice['key']})" if notice["key"] else ""
    kind, number = notice["kind"], notice["alarm_id"]
    if kind == "all_clear":
        said = [f"Over: {notice['text']}", f"Nothing is left to do about alarm {number}."]
        times = f"from {_utc(notice['opened_at'])} to {_utc(notice['closed_at'])}"
    else:
        said = [
            notice["text"],
            f"Next: {notice['next_action']}",
            f"Runbook: {docs_url}#{notice['runbook']}",
            f'Seen to: python -m billcopy acknowledge-alarm {number} --actor NAME --reason "…"',
        ]
        times = f"since {_utc(notice['opened_at'])}"
    severity = notice["severity"]
    foot = f"Alarm {number}, {notice['condition']}, {severity}, {times}."
    return Message(
        title=f"billcopy {_WORDS[kind]}: {title}{about}",
        body="\n\n".join([*said, foot]),
        type=apprise.NotifyType.SUCCESS if kind == "all_clear" else _TYPES[severity],
    )


def _utc(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}" if moment else "?"
