"""The second practice portal's pages, without a browser: one address, sessions, search, notes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from sandbox.harbour_portal import HarbourPortal
from sandbox.mail_sink import MailSink

ACCOUNT, INVOICE = "0006093377", "INV-2025-000145"
ON_FILE = "grace.oyelaran@example.com"
NOTE = rf"Copy sent to {re.escape(ON_FILE)} on \d\d\.\d\d\.\d{{4}} \d\d:\d\d by SVC-BILLCOPY"


class Clerk:
    """Somebody who clicks in the content frame; each page's hidden field is handed back."""

    def __init__(self, portal: HarbourPortal) -> None:
        self.portal = portal
        self.browser = httpx.Client(base_url=portal.url, timeout=30)
        self.page = self.browser.get("/desk.aspx").text

    def click(self, target: str, argument: str = "", *controls: str, **fields: str) -> str:
        hidden = re.search(r'name="__VIEWSTATE" value="([^"]*)"', self.page)
        body = {
            "__EVENTTARGET": target,
            "__EVENTARGUMENT": argument,
            "__VIEWSTATE": hidden[1] if hidden else "",
            **{f"ctl{number}": value for number, value in enumerate(controls, 1)},
            **fields,
        }
        self.page = self.browser.post("/desk.aspx", data=body).text
        return self.title

    def sign_in(self, user: str = "", password: str = "") -> str:
        user, password = user or self.portal.username, password or self.portal.password
        return self.click("btnLogon", "", user, password)

    def send(self, recipient: str = ON_FILE) -> str:
        self.page = self.browser.get("/desk.aspx").text
        self.click("mnuQuick", "", INVOICE)
        assert self.click("lnkCopy") == "Copy by e-mail"
        return self.click("btnSend", "", ACCOUNT, "", "", INVOICE, recipient)

    @property
    def title(self) -> str:
        found = re.search(r'class="ttl">(.*?)<|<h1>(.*?)<', self.page)
        return html.unescape(found[1] or found[2]) if found else ""

    @property
    def text(self) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.page)).split())


@pytest.fixture
def stranger(harbour_portal: HarbourPortal) -> Iterator[Clerk]:
    clerk = Clerk(harbour_portal)
    yield clerk
    clerk.browser.close()


@pytest.fixture
def bot(stranger: Clerk) -> Clerk:
    assert stranger.sign_in() == "Account search"
    return stranger


def test_nothing_opens_without_a_session(stranger: Clerk, mail_sink: MailSink) -> None:
    assert stranger.title == "Sign-on"
    assert stranger.click("mnuQuick", "", INVOICE) == "Sign-on"
    assert stranger.click("btnSend", "", ACCOUNT, "", "", INVOICE, ON_FILE) == "Sign-on"
    assert mail_sink.mails() == []


def test_a_refusal_is_said_and_five_of_them_lock(stranger: Clerk) -> None:
    for _ in range(5):
        assert stranger.sign_in(password="no") == "Sign-on"
        assert "refused" in stranger.text
    assert stranger.sign_in() == "Sign-on"
    assert stranger.portal.state()["locked"] == [stranger.portal.username]


def test_a_second_sign_on_ends_the_first(bot: Clerk) -> None:
    other = Clerk(bot.portal)
    assert other.sign_in() == "Account search"
    assert bot.click("mnuAccounts") == "Sign-on"
    assert "elsewhere" in bot.text
    other.browser.close()


@pytest.mark.parametrize("figure", ["4027310", "0004027310", "04027310"])
def test_leading_zeros_do_not_count_and_look_alikes_show(bot: Clerk, figure: str) -> None:
    assert bot.click("btnFind", "", figure) == "Hits, page 1"
    found = re.findall(r">(\d{10})<", bot.page)
    assert sorted(found) == ["0004027310", "0094027310", "0140273105"]
    assert found[0] != "0004027310"


def test_dates_are_written_with_dots_and_pages_are_turned(bot: Clerk) -> None:
    bot.click("btnFind", "", ACCOUNT)
    assert bot.click("lnkAccount", ACCOUNT) == "Period"
    assert bot.click("btnShow", "", "01/01/2025", "") == "Period"
    assert "Date?" in bot.text
    assert bot.click("btnShow", "", "01.01.2025", "31.12.2025") == "Invoices, page 1"
    first = set(re.findall(r"INV-\d{4}-\d{6}", bot.page))
    assert bot.click("lnkInvoices", "2") == "Invoices, page 2"
    assert not first & set(re.findall(r"INV-\d{4}-\d{6}", bot.page))


def test_a_send_mails_a_pdf_and_leaves_a_note(bot: Clerk, mail_sink: MailSink) -> None:
    bot.portal.set_faults(sent_log_lag_seconds=3600)
    assert bot.send() == "Copy sent"
    [mail] = mail_sink.mails()
    assert (mail.recipient, mail.invoices) == (ON_FILE, (INVOICE,))
    assert ACCOUNT in mail.text
    bot.click("mnuQuick", "", INVOICE)
    assert not re.search(NOTE, bot.text)
    bot.portal.set_faults(sent_log_lag_seconds=0)
    bot.click("mnuQuick", "", INVOICE)
    assert re.search(NOTE, bot.text)


def test_a_crash_has_sent_and_a_lie_has_not(bot: Clerk, mail_sink: MailSink) -> None:
    bot.portal.set_faults(send_then_crash=1)
    assert "Server Error" in bot.send()
    assert len(mail_sink.mails()) == len(bot.portal.sent) == 1
    bot.portal.set_faults(says_sent_but_did_not=1)
    assert bot.send() == "Copy sent"
    assert len(mail_sink.mails()) == len(bot.portal.sent) == 1


def test_a_page_from_elsewhere_is_not_believed(bot: Clerk) -> None:
    assert "Server Error" in bot.click("lnkCopy", __VIEWSTATE="eyJpbnZvaWNlIjogIngifQ==.0")


def test_void_is_for_clerks(bot: Clerk) -> None:
    bot.click("mnuQuick", "", INVOICE)
    assert bot.click("lnkVoid") == "Not permitted"
    assert bot.portal.state()["denied"] == 1
    bot.sign_in(bot.portal.clerk, bot.portal.clerk_password)
    bot.click("mnuQuick", "", INVOICE)
    bot.click("lnkVoid")
    assert "Voided" in bot.text


def test_a_session_ends_when_it_is_told_to(bot: Clerk) -> None:
    bot.portal.set_faults(session_expiry_after=1)
    assert bot.click("mnuAccounts") == "Account search"
    assert bot.click("mnuAccounts") == "Sign-on"
