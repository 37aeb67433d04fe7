"""The practice portal's pages and rights: as stubborn as the real thing, and really sending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import practice_portal as practice
from sandbox.mail_sink import MailSink
from sandbox.practice_portal import PracticePortal
from tests.integration.practice_clerk import ACCOUNT, INVOICE, ON_FILE, Visitor, heading, rows, text

LOCAL_TIME = r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d [AP]M"


@pytest.fixture
def visitor(practice_portal: PracticePortal) -> Iterator[Visitor]:
    with Visitor(practice_portal) as visitor:
        yield visitor


@pytest.fixture
def bot(visitor: Visitor) -> Visitor:
    return visitor.go_to_work()


@pytest.fixture
def clerk(practice_portal: PracticePortal) -> Iterator[Visitor]:
    with Visitor(practice_portal) as visitor:
        yield visitor.go_to_work(practice_portal.clerk, practice_portal.clerk_password)


# -- sign-in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/notice", "/accounts", f"/invoices/{INVOICE}/email", "/sent"]
)
def test_no_page_opens_without_a_session(visitor: Visitor, path: str) -> None:
    assert heading(visitor.open(path)) == "Sign in"


def test_a_send_without_a_session_sends_nothing(visitor: Visitor, mail_sink: MailSink) -> None:
    assert heading(visitor.send()) == "Sign in"
    assert mail_sink.mails() == []
    assert visitor.portal.state()["send_posts"] == 0


def test_after_signing_in_a_notice_stands_before_every_page(visitor: Visitor) -> None:
    assert heading(visitor.sign_in()) == "Important notice"
    assert heading(visitor.open("/sent")) == "Important notice"
    assert heading(visitor.post("/notice")) == "Account search"


def test_a_wrong_password_is_refused_in_words(visitor: Visitor) -> None:
    page = visitor.sign_in(password="not this one")
    assert heading(page) == "Sign in"
    assert "The user ID or the password is not right." in text(page)
    assert visitor.portal.state()["sign_ins_refused"] == 1


def test_five_wrong_passwords_lock_the_user_even_for_the_right_one(visitor: Visitor) -> None:
    for _ in range(5):
        page = visitor.sign_in(password="not this one")
    assert "is locked" in text(page)
    assert "is locked" in text(visitor.sign_in())
    assert visitor.portal.state()["locked"] == [visitor.portal.username]


def test_a_right_password_in_between_forgives_the_wrong_ones(visitor: Visitor) -> None:
    for _ in range(2):
        for _ in range(4):
            visitor.sign_in(password="not this one")
        assert heading(visitor.sign_in()) == "Important notice"


def test_a_second_sign_in_ends_the_first_session(bot: Visitor) -> None:
    with Visitor(bot.portal) as other:
        other.go_to_work()
        page = bot.open("/accounts")
        assert heading(page) == "Sign in"
        assert "signed in somewhere else" in text(page)
        assert heading(other.open("/accounts")) == "Account search"


def test_two_users_do_not_disturb_each_other(bot: Visitor, clerk: Visitor) -> None:
    assert heading(bot.open("/accounts")) == heading(clerk.open("/accounts")) == "Account search"


def test_signing_out_ends_the_session(bot: Visitor) -> None:
    page = bot.open("/signout")
    assert "You have signed out." in text(page)
    assert heading(bot.open("/accounts")) == "Sign in"
    assert bot.portal.state()["signed_in"] == []


def test_an_idle_session_expires(mail_sink: MailSink, tmp_path: Path) -> None:
    with (
        practice.running(tmp_path, smtp_port=mail_sink.port, session_minutes=0.0) as portal,
        Visitor(portal) as visitor,
    ):
        page = visitor.sign_in()
        assert "Your session has expired." in text(page)


# -- search and lists ------------------------------------------------------------------------------


def test_the_search_finds_digits_anywhere_in_the_number(bot: Visitor) -> None:
    found = [row[0] for row in rows(bot.open("/accounts", q="4027310"))]
    assert sorted(found) == ["140273105", "4027310", "94027310"]
    assert found[0] != "4027310"  # the list is in the order of names


def test_the_search_shows_the_list_even_for_one_exact_hit(bot: Visitor) -> None:
    page = bot.open("/accounts", q=ACCOUNT)
    assert heading(page) == "Account search"
    assert rows(page) == [[ACCOUNT, "Grace Oyelaran", "SE15 5EB"]]


def test_a_search_without_a_hit_says_so(bot: Visitor) -> None:
    assert "No accounts found." in text(bot.open("/accounts", q="000000000"))


@pytest.mark.parametrize("query", ["", "12", "Oyelaran"])
def test_a_search_wants_three_digits(bot: Visitor, query: str) -> None:
    page = bot.open("/accounts", q=query)
    assert "at least 3 digits" in text(page)
    assert rows(page) == []


def test_names_beyond_ascii_and_with_apostrophes_are_shown_whole(bot: Visitor) -> None:
    assert rows(bot.open("/accounts", q="5126609"))[0][1] == "Seán O'Hara"
    assert rows(bot.open("/accounts", q="83300174"))[0][1] == "Zoë Müller-Łukasik"


def invoices(bot: Visitor, account: str, **query: str) -> list[list[str]]:
    return rows(bot.open(f"/accounts/{account}/invoices", **query))


def test_paid_invoices_are_hidden_unless_all_are_asked_for(bot: Visitor) -> None:
    period = {"from": "01/01/2025", "to": "03/31/2025"}
    assert invoices(bot, ACCOUNT, **period) == []
    assert len(invoices(bot, ACCOUNT, **period, show="all")) == 3
    assert {row[4] for row in invoices(bot, "72045513")} == {"Open"}


def test_both_days_of_the_filter_count(bot: Visitor) -> None:
    shown = invoices(bot, "7450021", **{"from": "03/01/2025", "to": "05/01/2025", "show": "all"})
    assert [row[1] for row in shown] == ["05/01/2025", "04/01/2025", "03/01/2025"]


@pytest.mark.parametrize("day", ["2025-03-01", "31/12/2025", "02/30/2025", "soon"])
def test_only_the_portals_own_date_format_is_taken(bot: Visitor, day: str) -> None:
    page = bot.open(f"/accounts/{ACCOUNT}/invoices", **{"from": day})
    assert "Please enter dates as MM/DD/YYYY." in text(page)
    assert rows(page) == []


def test_the_list_turns_its_page_after_ten(bot: Visitor) -> None:
    query = {"from": "01/01/2025", "to": "12/31/2025", "show": "all"}
    first = bot.open(f"/accounts/{ACCOUNT}/invoices", **query)
    assert "Items 1-10 of 12" in text(first)
    assert "Next >" in text(first)
    second = bot.open(f"/accounts/{ACCOUNT}/invoices", **query, page="2")
    assert "Items 11-12 of 12" in text(second)
    assert "Next >" not in text(second)
    assert len({row[0] for row in rows(first) + rows(second)}) == 12


def test_a_credit_note_stands_among_the_bills(bot: Visitor) -> None:
    shown = invoices(bot, "41907736", **{"from": "07/01/2025", "to": "07/31/2025", "show": "all"})
    assert [row[2] for row in shown] == ["Credit note", "Bill"]
    assert shown[0][5].endswith(" CR")


def test_what_does_not_exist_is_not_found(bot: Visitor) -> None:
    for path in ("/accounts/7718204/invoices", "/invoices/INV-1999-000001", "/elsewhere"):
        page = bot.open(path)
        assert page.status_code == 404
        assert heading(page) == "Page not found"


# -- sending ---------------------------------------------------------------------------------------


def test_the_form_shows_whose_invoice_goes_where(bot: Visitor) -> None:
    page = bot.open(f"/invoices/{INVOICE}/email").text
    for value in (ACCOUNT, "Grace Oyelaran", "SE15 5EB", INVOICE, ON_FILE):
        assert f'value="{value}"' in page


def test_a_send_brings_one_mail_with_the_invoice_inside_the_pdf(
    bot: Visitor, mail_sink: MailSink
) -> None:
    page = bot.send()
    (mail,) = mail_sink.mails()
    assert (mail.recipient, mail.invoices) == (ON_FILE, (INVOICE,))
    assert ACCOUNT in mail.text
    (row,) = bot.portal.sent
    assert heading(page) == "E-mail sent"
    assert f"{INVOICE} was sent to {ON_FILE}. Reference {row['id']}." in text(page)


def test_a_typed_recipient_gets_it_instead_of_the_one_on_file(
    bot: Visitor, mail_sink: MailSink
) -> None:
    bot.send(recipient=" sean.o'hara@example.org ")
    assert [mail.recipient for mail in mail_sink.mails()] == ["sean.o'hara@example.org"]


def test_loading_the_confirmation_again_sends_again(bot: Visitor, mail_sink: MailSink) -> None:
    page = bot.send()
    assert page.history == []  # no redirect: the address is still that of the send
    bot.browser.send(page.request)
    assert len(mail_sink.mails()) == len(bot.portal.sent) == 2


@pytest.mark.parametrize(
    ("recipient", "told"),
    [
        ("", "Please enter an e-mail address."),
        ("nobody", "Not an e-mail address."),
        ("a@b.example, c@d.example", "Not an e-mail address."),
        ("a@b.example\r\nBcc: c@d.example", "Not an e-mail address."),
    ],
)
def test_without_one_good_address_nothing_is_sent(
    bot: Visitor, mail_sink: MailSink, recipient: str, told: str
) -> None:
    page = bot.send(recipient=recipient)
    assert heading(page) == "E-mail a copy"
    assert told in text(page)
    assert mail_sink.mails() == bot.portal.sent == []


def test_a_customer_without_an_address_leaves_the_field_empty(bot: Visitor) -> None:
    number = invoices(bot, "9204415", show="all")[0][0]
    page = bot.open(f"/invoices/{number}/email")
    assert "No e-mail address on file" in text(page)
    assert 'name="recipient" value=""' in page.text


def test_a_customer_whose_name_the_printer_lacks_still_gets_a_pdf(
    bot: Visitor, mail_sink: MailSink
) -> None:
    for account in ("83300174", "6651208", "318845902", "100482937"):
        bot.send(invoices(bot, account, show="all")[0][0])
    assert "Zoë Müller-" in mail_sink.mails()[0].text
    assert "Nguyen Thi Ánh" in mail_sink.mails()[1].text
    assert len(mail_sink.mails()) == 4


def test_without_a_mail_server_nothing_is_said_to_be_sent(tmp_path: Path) -> None:
    with practice.running(tmp_path, smtp_port=1) as portal, Visitor(portal) as visitor:
        page = visitor.go_to_work().send()
        assert "The copy was not sent." in text(page)
        assert portal.sent == []


def test_the_sent_items_show_the_newest_first_by_account_and_in_local_time(bot: Visitor) -> None:
    bot.send()
    bot.send("INV-2025-000998", "harold.whitcombe@example.org")
    page = bot.open("/sent")
    assert [row[2] for row in rows(page)] == ["3310487", ACCOUNT]
    (row,) = rows(bot.open("/sent", account=ACCOUNT))
    assert row[2:] == [ACCOUNT, INVOICE, ON_FILE, bot.portal.username]
    assert "All times America/Chicago." in text(page)
    assert "No items found." in text(bot.open("/sent", account="310487"))  # not part of a number


def test_the_sent_items_come_in_pages_too(bot: Visitor) -> None:
    for _ in range(11):
        bot.send()
    assert "Items 1-10 of 11" in text(bot.open("/sent", account=ACCOUNT))
    assert "Items 11-11 of 11" in text(bot.open("/sent", account=ACCOUNT, page="2"))


# -- rights ----------------------------------------------------------------------------------------


def test_the_service_user_sees_what_it_must_not_touch_and_is_refused_there(bot: Visitor) -> None:
    page = bot.open(f"/invoices/{INVOICE}")
    assert 'value="Void invoice"' in page.text
    assert "Edit customer" in text(page)
    answers = [
        bot.post(f"/invoices/{INVOICE}/void"),
        bot.open(f"/accounts/{ACCOUNT}/edit"),
        bot.post(f"/accounts/{ACCOUNT}/edit", name="X", postcode="Y", email="z@example.com"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    state = bot.portal.state()
    assert (state["voided"], state["edited"], state["denied"]) == (0, 0, 3)
    assert "Paid" in text(bot.open(f"/invoices/{INVOICE}"))


def test_a_clerk_really_voids_and_edits(clerk: Visitor) -> None:
    assert "Void" in text(clerk.post(f"/invoices/{INVOICE}/void"))
    assert heading(clerk.open(f"/accounts/{ACCOUNT}/edit")) == "Edit customer"
    clerk.post(f"/accounts/{ACCOUNT}/edit", name="Grace Bell", postcode="SE1 1AA", email="")
    assert rows(clerk.open("/accounts", q=ACCOUNT)) == [[ACCOUNT, "Grace Bell", "SE1 1AA"]]
    state = clerk.portal.state()
    assert (state["voided"], state["edited"]) == (1, 1)


def test_a_reset_brings_the_first_day_back(clerk: Visitor) -> None:
    clerk.send()
    clerk.post(f"/invoices/{INVOICE}/void")
    clerk.portal.reset()
    assert clerk.portal.state()["sent"] == []
    assert heading(clerk.open("/accounts")) == "Sign in"
    clerk.go_to_work(clerk.portal.clerk, clerk.portal.clerk_password)
    assert "Paid" in text(clerk.open(f"/invoices/{INVOICE}"))
