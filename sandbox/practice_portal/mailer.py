"""The e-mail with the copy: a real message with a real PDF, handed over by SMTP."""

from __future__ import annotations

import smtplib
import sqlite3
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from sandbox.practice_portal.options import Options
from sandbox.practice_portal.pdf import invoice_copy

SENDER = "Fernmoor Bank Billing <billing@fernmoor-bank.example>"
_TIMEOUT_SECONDS = 10


def send_copy(
    options: Options, *, account: sqlite3.Row, invoice: sqlite3.Row, recipient: str
) -> None:
    """Send it; raises OSError or SMTPException when the mail server does not take it."""
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = recipient
    message["Subject"] = f"Copy of your invoice {invoice['number']}"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="fernmoor-bank.example")
    message.set_content(
        f"Dear {account['name']},\n\nas you asked, a copy of invoice {invoice['number']} is"
        " attached.\n\nFernmoor Bank, Billing Services\n"
    )
    message.add_attachment(
        invoice_copy(account, invoice),
        maintype="application",
        subtype="pdf",
        filename=f"{invoice['number']}.pdf",
    )
    with smtplib.SMTP(options.smtp_host, options.smtp_port, timeout=_TIMEOUT_SECONDS) as server:
        server.send_message(message)
