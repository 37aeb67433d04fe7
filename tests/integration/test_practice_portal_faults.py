"""Every fault of the switchboard, provoked once; and the portal as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox import practice_portal as practice
from sandbox.mail_sink import MailSink
from sandbox.practice_portal import Options, PracticePortal
from sandbox.practice_portal.app import create_app
from tests.integration.practice_clerk import ACCOUNT, INVOICE, ON_FILE, Visitor, heading, rows, text
from tests.waiting import until

ROOT = Path(practice.__file__).resolve().parents[2]


@pytest.fixture
def bot(practice_portal: PracticePortal) -> Iterator[Visitor]:
    with Visitor(practice_portal) as visitor:
        yield visitor.go_to_work()


def seconds(visitor: Visitor, path: str) -> float:
    begun = time.monotonic()
    visitor.open(path)
    return time.monotonic() - begun


def test_latency_slows_the_pages_whose_path_matches(bot: Visitor) -> None:
    bot.portal.set_faults(latency_ms=400, latency_path="^/sent")
    assert seconds(bot, "/sent") >= 0.4
    bot.portal.set_faults(latency_ms=600_000, latency_path="^/sent")
    assert bot.open("/accounts").status_code == 200  # the clerk is not as patient as that


def test_late_answers_come_after_the_work_is_done(bot: Visitor) -> None:
    bot.portal.set_faults(latency_ms=600_000, latency_path="/email$", latency_when="after")
    with pytest.raises(httpx.ReadTimeout):
        bot.browser.post(f"/invoices/{INVOICE}/email", data={"recipient": ON_FILE}, timeout=1)
    until(lambda: len(bot.portal.sent) == 1, "it was sent, though nobody was told")


def test_server_errors_are_counted_down_on_their_path(bot: Visitor) -> None:
    bot.portal.set_faults(http_500=2, http_500_path="^/sent")
    assert bot.open("/accounts").status_code == 200
    answers = [bot.open("/sent") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert heading(answers[0]).startswith("Server Error")


def test_another_server_error_and_a_file_instead_of_a_page(bot: Visitor) -> None:
    bot.portal.set_faults(http_500=1, http_500_status=503, download=1, download_path="^/sent")
    assert bot.open("/accounts").status_code == 503
    assert bot.open("/sent").headers["content-disposition"].startswith("attachment")
    assert heading(bot.open("/sent")) == "Sent items"


def test_a_pop_up_covers_the_page(bot: Visitor) -> None:
    assert 'role="dialog"' not in bot.open("/sent").text
    bot.portal.set_faults(popup=True)
    assert "How are we doing?" in text(bot.open("/sent"))
    bot.portal.set_faults(popup="^/accounts")
    assert 'role="dialog"' not in bot.open("/sent").text


def test_a_native_alert_opens_with_the_page(bot: Visitor) -> None:
    bot.portal.set_faults(native_alert="^/sent")
    assert "window.alert(" in bot.open("/sent").text
    assert "window.alert(" not in bot.open("/accounts").text


def test_a_late_button_is_not_in_the_page_until_its_time(bot: Visitor) -> None:
    bot.portal.set_faults(late_button_ms=700)
    page = bot.open(f"/invoices/{INVOICE}/email").text
    before, template = page.split('<template class="late">')
    assert "Send e-mail" not in before
    assert "Send e-mail" in template.partition("</template>")[0]
    assert ", 700);" in page


def test_all_sessions_expire_now(bot: Visitor) -> None:
    bot.portal.set_faults(session_expiry_after=0)
    assert "Your session has expired." in text(bot.open("/accounts"))
    assert heading(bot.go_to_work().open("/accounts")) == "Account search"


def test_the_session_expires_after_so_many_pages_and_only_once(
    bot: Visitor, mail_sink: MailSink
) -> None:
    bot.portal.set_faults(session_expiry_after=2)
    assert heading(bot.open("/accounts")) == "Account search"
    assert heading(bot.open(f"/invoices/{INVOICE}/email")) == "E-mail a copy"
    assert "Your session has expired." in text(bot.send())
    assert mail_sink.mails() == []
    assert heading(bot.go_to_work().open("/accounts")) == "Account search"


def test_a_send_goes_out_and_is_logged_though_the_answer_is_an_error(
    bot: Visitor, mail_sink: MailSink
) -> None:
    bot.portal.set_faults(send_then_crash=1)
    assert bot.send().status_code == 500
    assert len(mail_sink.mails()) == len(rows(bot.open("/sent", account=ACCOUNT))) == 1
    assert bot.send().status_code == 200


def test_a_send_is_confirmed_on_the_screen_but_never_happens(
    bot: Visitor, mail_sink: MailSink
) -> None:
    bot.portal.set_faults(says_sent_but_did_not=1)
    assert heading(bot.send()) == "E-mail sent"
    assert mail_sink.mails() == bot.portal.sent == []
    assert bot.portal.state()["send_posts"] == 1


def test_the_sent_items_show_a_row_only_after_the_lag(bot: Visitor) -> None:
    bot.portal.set_faults(sent_log_lag_seconds=600)
    bot.send()
    assert rows(bot.open("/sent")) == []
    assert len(bot.portal.sent) == 1
    bot.portal.set_faults(sent_log_lag_seconds=None)
    assert len(rows(bot.open("/sent"))) == 1


def test_buttons_and_labels_carry_other_words(bot: Visitor) -> None:
    bot.portal.set_faults(relabelled=True)
    page = bot.open(f"/invoices/{INVOICE}/email")
    assert "Dispatch" in page.text
    assert "Deliver to" in text(page)
    assert "Send e-mail" not in page.text
    bot.portal.set_faults(relabelled={"E-mail copy": "Copy by mail"})
    assert "Copy by mail" in text(bot.open(f"/invoices/{INVOICE}"))


@pytest.mark.parametrize(
    ("what", "shown"), [("account", ACCOUNT), ("invoice", INVOICE), ("recipient", ON_FILE)]
)
def test_the_form_shows_something_else_than_what_was_opened(
    bot: Visitor, what: str, shown: str
) -> None:
    assert f'value="{shown}"' in bot.open(f"/invoices/{INVOICE}/email").text
    bot.portal.set_faults(wrong_form=what)
    assert f'value="{shown}"' not in bot.open(f"/invoices/{INVOICE}/email").text


def test_the_password_changes_and_changes_back(bot: Visitor) -> None:
    bot.portal.set_faults(password="another one")
    assert "is not right" in text(bot.sign_in())
    assert heading(bot.sign_in(password="another one")) == "Important notice"
    assert "another one" not in json.dumps(bot.portal.faults())
    bot.portal.clear_faults()
    assert heading(bot.sign_in()) == "Important notice"


def test_the_service_user_is_locked_and_unlocked(bot: Visitor) -> None:
    bot.portal.set_faults(account_lock=True)
    assert "is locked" in text(bot.sign_in())
    bot.portal.set_faults(account_lock=False)
    assert heading(bot.sign_in()) == "Important notice"


def test_changes_merge_and_null_takes_one_back(practice_portal: PracticePortal) -> None:
    practice_portal.set_faults(popup=True, http_500=3)
    practice_portal.set_faults(popup=None)
    faults = practice_portal.faults()
    assert (faults["popup"], faults["http_500"]) == (False, 3)
    practice_portal.clear_faults()
    assert not any(value for name, value in practice_portal.faults().items() if "when" not in name)


@pytest.mark.parametrize(
    "fault", [{"typhoon": 1}, {"latency_ms": -1}, {"http_500_path": "("}, {"popup": "("}]
)
def test_an_unknown_fault_or_value_is_refused_and_changes_nothing(
    practice_portal: PracticePortal, fault: dict[str, object]
) -> None:
    before = practice_portal.faults()
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        practice_portal.set_faults(**fault)
    assert practice_portal.faults() == before


async def _ask_from(client: str, app: object, path: str) -> int:
    transport = httpx.ASGITransport(app=app, client=(client, 5000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://portal") as browser:
        return (await browser.get(path)).status_code


@pytest.mark.parametrize(
    ("client", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.1.2.3", 403), ("elsewhere", 403)]
)
@pytest.mark.parametrize("path", ["faults", "state", "health"])
def test_the_switchboard_answers_this_machine_only(
    tmp_path: Path, path: str, client: str, status: int
) -> None:
    app = create_app(Options(data_dir=tmp_path, passwords={"clerk": "x"}))
    try:
        assert asyncio.run(_ask_from(client, app, f"/_sandbox/{path}")) == status
    finally:
        app.state.portal.store.close()


def test_a_stopped_portal_refuses_connections_and_comes_back_with_its_log(
    mail_sink: MailSink, tmp_path: Path
) -> None:
    with (
        practice.running(tmp_path, smtp_port=mail_sink.port) as portal,
        Visitor(portal) as visitor,
    ):
        visitor.go_to_work().send()
        portal.stop()
        with pytest.raises(httpx.ConnectError):
            visitor.open("/accounts")
        portal.start()
        assert "Your session has expired." in text(visitor.open("/accounts"))
        assert [row["invoice"] for row in portal.sent] == [INVOICE]


# -- a process of its own --------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*arguments: str, stdin: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox.practice_portal", "--smtp-port", "1", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write(stdin)
    process.stdin.close()
    process.stdin = None  # else `communicate` would write to it
    return process


def wait_for(url: str) -> None:
    healthy = {"status": "ok"}
    until(lambda: httpx.get(f"{url}/_sandbox/health").json() == healthy, "the portal started")


@pytest.mark.parametrize("passwords", ["from a pipe\n", '{"svc-billcopy": "from a pipe"}'])
def test_the_process_takes_its_password_from_stdin_and_ends_at_once_when_told(
    tmp_path: Path, passwords: str
) -> None:
    port = free_port()
    process = start(
        *("--port", str(port), "--data-dir", str(tmp_path), "--password-file", "-"),
        stdin=passwords,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        fields = {"user_id": "svc-billcopy", "password": "from a pipe"}
        answer = httpx.post(f"{url}/signin", data=fields)
        assert answer.headers["location"] == "/notice"
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"from a pipe" not in arguments
        # Even with a page that is kept waiting.
        httpx.put(f"{url}/_sandbox/faults", json={"latency_ms": 600_000})
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/signin", timeout=0.2)
        process.terminate()
        process.communicate(timeout=60)  # not the ten minutes that the page would take
    finally:
        process.kill()
        process.communicate()
    assert process.returncode in (0, -signal.SIGTERM)
    assert not any(b"from a pipe" in path.read_bytes() for path in tmp_path.rglob("*.*"))


def test_the_process_does_not_start_without_passwords(tmp_path: Path) -> None:
    environment_has_none = "PRACTICE_PORTAL_PASSWORDS" not in os.environ
    process = start("--data-dir", str(tmp_path))
    _, errors = process.communicate(timeout=60)
    assert environment_has_none
    assert process.returncode == 2
    assert "no passwords: give --password-file" in errors
