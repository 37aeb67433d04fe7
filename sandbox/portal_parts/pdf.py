"""The copy of an invoice as a PDF."""

from __future__ import annotations

import sqlite3
import unicodedata
from datetime import date

from fpdf import FPDF


def invoice_copy(
    account: sqlite3.Row, invoice: sqlite3.Row, *, bank: str, dates: str, account_digits: int
) -> bytes:
    """One A4 page whose text holds the invoice's and the account's number."""
    pdf = FPDF(format="A4")
    pdf.set_title(f"Invoice {invoice['number']}")
    pdf.add_page()
    pdf.set_fill_color(0, 51, 102)
    pdf.set_text_color(255, 255, 255)
    pdf.set_font("Helvetica", "B", 16)
    pdf.cell(0, 12, f"  {bank} - Billing Services", fill=True, new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(0, 0, 0)
    pdf.ln(8)
    pdf.set_font("Helvetica", "B", 14)
    pdf.cell(0, 10, f"COPY OF {invoice['kind'].upper()}", new_x="LMARGIN", new_y="NEXT")
    for name, value in (
        ("Invoice", invoice["number"]),
        ("Account", account["number"].zfill(account_digits)),
        ("Customer", account["name"]),
        ("Postcode", account["postcode"]),
        ("Date", date.fromisoformat(invoice["issued_on"]).strftime(dates)),
        ("Due", date.fromisoformat(invoice["due_on"]).strftime(dates)),
        ("Amount (GBP)", money(invoice["amount"])),
    ):
        pdf.set_font("Helvetica", "B", 11)
        pdf.cell(45, 8, name)
        pdf.set_font("Helvetica", "", 11)
        pdf.cell(0, 8, _printable(value), new_x="LMARGIN", new_y="NEXT")
    pdf.ln(10)
    pdf.set_font("Helvetica", "", 8)
    pdf.cell(0, 6, f"Practice data. {bank} and its customers are made up.")
    return bytes(pdf.output())


def money(pence: int) -> str:
    """Pounds as the old programs write them: a credit has CR behind it, not a sign before it."""
    return f"{abs(pence) / 100:,.2f}" + (" CR" if pence < 0 else "")


def _printable(text: str) -> str:
    """The text as the old printer's character set has it: letters it lacks lose their marks."""
    result = ""
    for letter in unicodedata.normalize("NFC", text):
        try:
            letter.encode("latin-1")
            result += letter
        except UnicodeEncodeError:
            result += unicodedata.normalize("NFD", letter).encode("ascii", "ignore").decode() or "?"
    return result
