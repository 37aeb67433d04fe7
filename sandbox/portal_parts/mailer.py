"""The e-mail with the copy: a real message with a real PDF, handed over by SMTP."""

from __future__ import annotations

import re
import smtplib
import sqlite3
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from sandbox.portal_parts.options import Options
from sandbox.portal_parts.pdf import invoice_copy

_TIMEOUT_SECONDS = 10
_ADDRESS = re.compile(r"[^@\s<>,;:\"()]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """Who writes: the bank, its mail domain, and how it writes a day (for strftime)."""

    bank: str
    domain: str
    dates: str
    account_digits: int = 0
    """Account numbers are filled up with leading zeros to so many digits."""


def is_address(text: str) -> bool:
    """Whether a copy could be sent there at all."""
    return _ADDRESS.fullmatch(text) is not None


def send_copy(
    options: Options,
    letterhead: Letterhead,
    *,
    account: sqlite3.Row,
    invoice: sqlite3.Row,
    recipient: str,
) -> None:
    """Send it; raises OSError or SMTPException when the mail server does not take it."""
    message = EmailMessage()
    message["From"] = f"{letterhead.bank} Billing <billing@{letterhead.domain}>"
    message["To"] = recipient
    message["Subject"] = f"Copy of your invoice {invoice['number']}"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=letterhead.domain)
    message.set_content(
        f"Dear {account['name']},\n\nas you asked, a copy of invoice {invoice['number']} is"
        f" attached.\n\n{letterhead.bank}, Billing Services\n"
    )
    message.add_attachment(
        invoice_copy(
            account,
            invoice,
            bank=letterhead.bank,
            dates=letterhead.dates,
            account_digits=letterhead.account_digits,
        ),
        maintype="application",
        subtype="pdf",
        filename=f"{invoice['number']}.pdf",
    )
    with smtplib.SMTP(options.smtp_host, options.smtp_port, timeout=_TIMEOUT_SECONDS) as server:
        server.send_message(message)
