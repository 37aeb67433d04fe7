"""The mail sink keeps every message it acknowledges, whole, and reads what is inside."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import threading
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from fpdf import FPDF

from sandbox import mail_sink as sink
from sandbox.mail_sink import MailSink

ROOT = Path(sink.__file__).resolve().parents[1]


def pdf(*lines: str) -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica", size=12)
    for line in lines:
        document.cell(0, 10, line, new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


def message(subject: str = "A bill", *attachments: bytes) -> EmailMessage:
    result = EmailMessage()
    result["From"], result["To"] = "bank@fernmoor-bank.example", "a@example.org"
    result["Subject"] = subject
    result.set_content("Dear customer, INV-2020-000001 is not in a PDF.")
    for attachment in attachments:
        result.add_attachment(attachment, maintype="application", subtype="pdf", filename="b.pdf")
    return result


def command(port: int, directory: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "sandbox.mail_sink"),
        *("--port", str(port), "--dir", str(directory)),
    ]


def send(port: int, mail: EmailMessage, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
        server.send_message(mail, to_addrs=list(recipients) or None)


def test_the_invoice_numbers_are_those_in_the_text_of_the_pdfs(mail_sink: MailSink) -> None:
    first, second = pdf("Invoice INV-2025-000145", "INV-2025-000145"), pdf("INV-2026-000200")
    send(mail_sink.port, message("Zoë’s bills", first, second))
    (mail,) = mail_sink.mails()
    assert mail.recipient == "a@example.org"
    assert mail.subject == "Zoë’s bills"
    assert mail.invoices == ("INV-2025-000145", "INV-2026-000200")
    assert mail.path.suffix == ".eml"


def test_a_mail_without_a_pdf_holds_no_invoice(mail_sink: MailSink) -> None:
    send(mail_sink.port, message())
    assert [mail.invoices for mail in mail_sink.mails()] == [()]


def test_the_envelope_decides_who_got_it(mail_sink: MailSink) -> None:
    send(mail_sink.port, message(), "sean.o'hara@example.org", "b@example.net")
    assert [m.recipient for m in mail_sink.mails()] == ["sean.o'hara@example.org", "b@example.net"]


def test_mails_are_read_in_the_order_they_came(mail_sink: MailSink) -> None:
    for number in range(5):
        send(mail_sink.port, message(str(number)))
    mails = mail_sink.mails()
    assert [mail.subject for mail in mails] == ["0", "1", "2", "3", "4"]
    assert [mail.arrived_at for mail in mails] == sorted(mail.arrived_at for mail in mails)


def test_mails_sent_at_the_same_time_are_all_kept(mail_sink: MailSink) -> None:
    def send_some(sender: int) -> None:
        for number in range(10):
            send(mail_sink.port, message(f"{sender}-{number}"))

    threads = [threading.Thread(target=send_some, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({mail.subject for mail in mail_sink.mails()}) == 80
    assert list(mail_sink.directory.glob(".*.tmp")) == []


def test_an_unfinished_file_is_no_mail(mail_sink: MailSink) -> None:
    (mail_sink.directory / ".1-1-1.tmp").write_bytes(b"Subject: half a ma")
    assert mail_sink.mails() == []
    (mail_sink.directory / ".1-1-1.tmp").unlink()


def test_thousands_of_mails_are_read_once(mail_sink: MailSink) -> None:
    send(mail_sink.port, message("many", pdf("INV-2025-000145")))
    (one,) = mail_sink.directory.glob("*.eml")
    for number in range(2000):
        (mail_sink.directory / f"{number:06d}.eml").write_bytes(
            b"X-Envelope-To: a@b.example\r\nX-Arrived-At: 1\r\nSubject: plain\r\n\r\nnothing"
        )
    first = mail_sink.mails()
    assert len(first) == 2001
    again = mail_sink.mails()
    assert again[-1].path == one
    assert all(mail is remembered for mail, remembered in zip(again, first, strict=True))


def test_a_taken_port_is_an_error_at_once(mail_sink: MailSink, tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="address already in use"),
        sink.running(tmp_path, port=mail_sink.port),
    ):
        pass


def test_the_process_says_which_port_is_taken(mail_sink: MailSink, tmp_path: Path) -> None:
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "sandbox.mail_sink",
            "--port",
            str(mail_sink.port),
            "--dir",
            tmp_path,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert "address already in use" in process.stderr


def test_a_killed_process_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    with sink.running(tmp_path / "probe") as probe:
        port = probe.port  # free again in a moment
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sandbox.mail_sink",
            "--port",
            str(port),
            "--dir",
            tmp_path / "kept",
        ],
        cwd=ROOT,
    )
    try:
        deadline = time.monotonic() + 60
        acknowledged = 0
        while acknowledged < 3 and time.monotonic() < deadline:
            try:
                send(port, message(str(acknowledged)))
                acknowledged += 1
            except ConnectionError:
                time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert [mail.subject for mail in sink.read_mails(tmp_path / "kept")] == ["0", "1", "2"]


def test_mails_to_an_address_can_be_kept_aside(tmp_path: Path) -> None:
    aside = {"operations@example.com": tmp_path / "kept" / "alarms"}
    with sink.running(tmp_path / "kept", aside=aside) as running:
        with smtplib.SMTP(running.host, running.port) as client:
            for to in ("operations@example.com", "a@example.com"):
                client.sendmail("x@example.com", [to], f"Subject: for {to}\r\nTo: {to}\r\n\r\nHi")
        assert [mail.recipient for mail in running.mails()] == ["a@example.com"]
        assert len(list((tmp_path / "kept" / "alarms").glob("*.eml"))) == 1
