"""A mail server that keeps what it gets: one .eml file a message, and a reader for the files.

A message is answered 250 only when its file stands complete under its final name, so whatever the
sender was told is true even if the sink is killed the next moment.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import email
import email.policy
import io
import itertools
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from pypdf import PdfReader

_RECIPIENT_HEADER = "X-Envelope-To"
_ARRIVED_HEADER = "X-Arrived-At"
_INVOICE = re.compile(r"INV-\d{4}-\d{6}")
_SIZE_LIMIT = 10 * 1024 * 1024
_START_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A message to one recipient, as the envelope names it.

    `invoices` are the invoice numbers in the text of the attached PDFs, `text` is that text,
    `arrived_at` is in seconds since the epoch.
    """

    recipient: str
    subject: str
    invoices: tuple[str, ...]
    text: str
    arrived_at: float
    path: Path


def read_mails(directory: Path) -> list[Mail]:
    """All mails in the directory in the order they came; files are read once and remembered."""
    return [mail for path in sorted(directory.glob("*.eml")) for mail in _mails(path)]


@lru_cache(maxsize=20_000)
def _mails(path: Path) -> tuple[Mail, ...]:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text = "\n".join(
        _pdf_text(part.get_payload(decode=True))
        for part in message.iter_attachments()
        if part.get_content_type() == "application/pdf"
    )
    return tuple(
        Mail(
            recipient=str(recipient),
            subject=str(message["Subject"]),
            invoices=tuple(dict.fromkeys(_INVOICE.findall(text))),
            text=text,
            arrived_at=float(message[_ARRIVED_HEADER]),
            path=path,
        )
        for recipient in message.get_all(_RECIPIENT_HEADER, [])
    )


def _pdf_text(content: object) -> str:
    assert isinstance(content, bytes)
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


class _Keeper:
    """Writes each message to a file of its own."""

    def __init__(self, directory: Path, aside: Mapping[str, Path]) -> None:
        self._directory = directory
        self._aside = aside
        self._ordinals = itertools.count(1)
        for folder in (directory, *aside.values()):
            folder.mkdir(parents=True, exist_ok=True)

    def _folder(self, recipients: Collection[str]) -> Path:
        aside = {self._aside.get(recipient) for recipient in recipients}
        return (aside.pop() if len(aside) == 1 else None) or self._directory

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope
    ) -> str:
        """Keep the message, then acknowledge it."""
        headers = "".join(f"{_RECIPIENT_HEADER}: {to}\r\n" for to in envelope.rcpt_tos)
        headers += f"{_ARRIVED_HEADER}: {time.time():.6f}\r\n"
        content = envelope.content or b""
        body = content.encode() if isinstance(content, str) else content
        name = f"{time.time_ns()}-{os.getpid()}-{next(self._ordinals)}"
        folder = self._folder(envelope.rcpt_tos)
        unfinished = folder / f".{name}.tmp"
        unfinished.write_bytes(headers.encode() + body)
        unfinished.replace(folder / f"{name}.eml")
        return "250 Message kept"


async def _listen(
    directory: Path, host: str, port: int, aside: Mapping[str, Path]
) -> asyncio.Server:
    keeper = _Keeper(directory, aside)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(keeper, hostname="mail-sink", data_size_limit=_SIZE_LIMIT, loop=loop),
        host,
        port,
    )


@dataclass(frozen=True, kw_only=True)
class MailSink:
    """A sink running in a thread."""

    host: str
    port: int
    directory: Path

    def mails(self) -> list[Mail]:
        """All mails that came, in order."""
        return read_mails(self.directory)

    def clear(self) -> None:
        """Forget all mails."""
        for path in self.directory.glob("*.eml"):
            path.unlink()


@contextlib.contextmanager
def running(
    directory: Path, *, port: int = 0, aside: Mapping[str, Path] | None = None
) -> Iterator[MailSink]:
    """A sink in a thread, on loopback; port 0 takes a free one.

    `aside` maps a recipient to a folder of its own, so that nobody counts these mails.
    """
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    bound: list[int] = []
    failed: list[BaseException] = []
    started = threading.Event()

    async def serve() -> None:
        try:
            server = await _listen(directory, "127.0.0.1", port, aside or {})
            bound.append(server.sockets[0].getsockname()[1])
        except OSError as error:
            failed.append(error)
            return
        finally:
            started.set()
        async with server:
            await stop.wait()

    def run() -> None:
        loop.run_until_complete(serve())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, name="mail-sink")
    thread.start()
    started.wait(_START_SECONDS)
    try:
        if failed:
            raise failed[0]
        yield MailSink(host="127.0.0.1", port=bound[0], directory=directory)
    finally:
        if not failed:
            loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _serve_until_told(
    directory: Path, host: str, port: int, aside: Mapping[str, Path]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await _listen(directory, host, port, aside):
        await stop.wait()


def main() -> int:
    """Run the sink until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mail_sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--dir", type=Path, required=True, help="folder for the .eml files")
    parser.add_argument(
        "--aside", action="append", default=[], metavar="ADDRESS=DIR", help="mails kept elsewhere"
    )
    arguments = parser.parse_args()
    aside = {to: Path(folder) for to, _, folder in (one.partition("=") for one in arguments.aside)}
    try:
        asyncio.run(_serve_until_told(arguments.dir, arguments.host, arguments.port, aside))
    except OSError as error:
        parser.exit(1, f"mail sink: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
