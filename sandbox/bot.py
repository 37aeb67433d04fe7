"""`make bot` and `make portal-check`: the bot without Airflow, as QA run it.

Against the practice portal everything is started for it and nothing is left behind; it walks sample
requests, or a request made up on the command line, up to the send form and stops there. Against
another portal this is `python -m billcopy run-bot`, which takes the portal's lock, walks a test
account, and takes requests from the queue only with `--claim`.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import secrets
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from billcopy import credentials, intake, portal_check, portal_profile, settings
from billcopy.bot import launch
from billcopy.bot.order import BotOrder, StopReason, TestRequest
from billcopy.cli.app import app
from billcopy.errors import BillCopyError
from billcopy.settings import PROJECT_ROOT, Settings
from sandbox import mail_sink, practice_portal, secrets_server
from sandbox.practice_portal.options import SERVICE_USER
from sandbox.secrets_server import provision as vault

PRACTICE = "practice"
SAMPLES = PROJECT_ROOT / "sandbox" / "samples" / "requests.csv"
USUAL_REQUESTS = ("CS-1001", "CS-1003", "CS-1009")
WORDS = {
    StopReason.DRAINED: "Every request was walked up to the send form; nothing was sent.",
    StopReason.LIMIT: "The limit was reached; nothing was sent.",
    StopReason.INTERRUPTED: "Interrupted.",
    StopReason.BAD_PORTAL_FOLDER: "The portal folder does not fit the portal; see above.",
}


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bot",
        description="Walk requests up to the send form and stop there. "
        "Options go into ARGS: make bot ARGS='--request CS-1004 --headed --slow 500'",
        epilog="With PORTAL=<another>: the options of `python -m billcopy run-bot --help`.",
    )
    parser.add_argument("--portal", default=PRACTICE, help="name of the portal folder")
    parser.add_argument("--check", action="store_true", help="first check the portal folder")
    parser.add_argument(
        "--request",
        action="append",
        metavar="REFERENCE",
        help=f"one of sandbox/samples/requests.csv, or all; usual: {' '.join(USUAL_REQUESTS)}."
        " A number is a request of the queue",
    )
    parser.add_argument("--account", help="a request made up here, instead")
    parser.add_argument("--from", dest="period_from", type=date.fromisoformat, metavar="DATE")
    parser.add_argument("--to", dest="period_to", type=date.fromisoformat, metavar="DATE")
    parser.add_argument("--recipient", help="with --account; usual: the address on file")
    parser.add_argument("--check-value", help="with --account: surname or postcode")
    parser.add_argument("--headed", action="store_true", help="show the browser")
    parser.add_argument("--slow", type=int, default=0, metavar="MS", help="pause after each click")
    given, rest = parser.parse_known_args(words)
    if given.portal == PRACTICE and not _is_queued(given):
        if rest:
            parser.error(f"unknown: {' '.join(rest)}")
        if given.account and not (given.period_from and given.period_to):
            parser.error("--account needs --from and --to")
    return given


def _is_queued(given: argparse.Namespace) -> bool:
    """Whether a request of the queue is meant, as a failure's report names it."""
    return any(reference.isdigit() for reference in given.request or ())


def _rehearsals(given: argparse.Namespace) -> tuple[TestRequest, ...]:
    """The made-up request, or the chosen samples.

    Raises:
        SystemExit: a reference is none of the samples'.
    """
    if given.account:
        return (
            TestRequest(
                account=given.account,
                period_from=given.period_from,
                period_to=given.period_to,
                recipient=given.recipient,
                check_value=given.check_value,
            ),
        )
    samples = {
        row.request.reference: row.request
        for row in intake.parse(SAMPLES)
        if row.request is not None
    }
    wanted = given.request or USUAL_REQUESTS
    if "all" in wanted:
        wanted = [reference for reference in samples if reference]
    if unknown := [reference for reference in wanted if reference not in samples]:
        raise SystemExit(
            f"no sample is called {unknown[0]}; there are {', '.join(map(str, samples))}"
        )
    return tuple(
        TestRequest(
            account=samples[reference].account,
            period_from=samples[reference].period_from,
            period_to=samples[reference].period_to,
            recipient=samples[reference].recipient,
            check_value=samples[reference].check_value,
        )
        for reference in wanted
    )


def _access(url: str, token: str, password: str) -> credentials.VaultAccess:
    roles = vault.provision(
        url, token, portal_password=password, database_passwords={}, airflow_connections={}
    )
    wrapped = credentials.issue_wrapped_secret_id(
        url=url,
        role_id=roles.airflow_role_id,
        secret_id=roles.airflow_secret_id,
        bot_role="billcopy-bot",
    )
    return credentials.VaultAccess(
        url=url,
        path=f"billcopy/portals/{PRACTICE}",
        role_id=wrapped.bot_role_id,
        wrapped_secret_id=wrapped.token,
    )


def _rehearse(given: argparse.Namespace, now: Settings) -> StopReason:
    """A bank of its own for one walk."""
    work_dir = PROJECT_ROOT / "var" / "bot"
    password = secrets.token_urlsafe(16)
    with contextlib.ExitStack() as until_the_end:
        home = Path(until_the_end.enter_context(tempfile.TemporaryDirectory()))
        mails = until_the_end.enter_context(mail_sink.running(home / "mail"))
        portal = until_the_end.enter_context(
            practice_portal.running(
                home / "portal", smtp_port=mails.port, passwords={SERVICE_USER: password}
            )
        )
        server = until_the_end.enter_context(secrets_server.running(home / "vault"))
        order = BotOrder(
            portal=PRACTICE,
            portal_url=portal.url,
            portal_path=tuple(map(str, now.portal_path)),
            vault=_access(server.url, server.root_token, password),
            database=None,
            actor=getpass.getuser(),
            work_dir=str(work_dir),
            evidence_url=(work_dir / "evidence").as_uri(),
            chromium=str(now.chromium) if now.chromium else None,
            headed=given.headed,
            slow_mo_ms=given.slow,
            rehearse=_rehearsals(given),
        )
        stop = launch.launch(order, on_line=lambda line: print(line, flush=True))
        if portal.sent or mails.mails():
            raise SystemExit("A rehearsal sent an e-mail: this must never happen. Report it.")
    print(f"Log and pictures: {work_dir}")
    return stop


def _check(portal: str, now: Settings) -> bool:
    findings = portal_check.static_findings(portal_profile.find_folder(portal, now.portal_path))
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print(f"{portal}: the folder keeps the contract; now up to the send form", flush=True)
    return not findings


def main(words: Sequence[str]) -> int:
    """Check if asked to, then walk."""
    given = _arguments(words)
    now = settings.load()
    try:
        if given.check and not _check(given.portal, now):
            return 1
        if given.portal != PRACTICE and given.check and not given.account:
            print("Name a test account: ARGS='--account NUMBER --from DATE --to DATE'")
            return 1
        if given.portal != PRACTICE or _is_queued(given):
            command = ["run-bot", "--portal", given.portal, "--actor", getpass.getuser()]
            passed = [word for word in words if word not in ("--check", "--portal", given.portal)]
            app([*command, *passed])
        stop = _rehearse(given, now)
    except BillCopyError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        stop = StopReason.INTERRUPTED
    print(WORDS.get(stop, f"The bot stopped: {stop.name.lower()}."))
    return 0 if stop in (StopReason.DRAINED, StopReason.LIMIT) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
