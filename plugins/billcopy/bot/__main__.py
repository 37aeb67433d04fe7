"""`python -m billcopy.bot`: one bot run.

It reads its order from standard input, says one readable line per request and invoice on standard
output, and why it stopped by its exit code. Not started by hand: `billcopy.bot.launch` starts it
below a reaper.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace

from billcopy import (
    chromium,
    credentials,
    errors,
    portal_check,
    portal_profile,
    reaper,
    request_queue,
)
from billcopy.bot import context, folders, reconciling, robot_run, versions, watchdog
from billcopy.bot.connection import PortalConnection
from billcopy.bot.lease import LeaseKeeper
from billcopy.bot.ledger import Ledger, QueueLedger, demand_a_long_settle_window
from billcopy.bot.order import BotOrder, StopReason
from billcopy.bot.rehearsal import RehearsalLedger, claimed_from
from billcopy.bot.session import PortalSession, ReadOutcome
from billcopy.bot.work import BotWork
from billcopy.credentials import Credential
from billcopy.errors import BillCopyError
from billcopy.model import ClaimedRequest
from billcopy.portal_profile import Profile
from billcopy.progress import Say, speaker


def main() -> int:
    """Do what the order says; returns the exit code of the reason to stop."""
    reaper.adopt_orphans_and_outlive_nobody()
    _log_warnings_only()
    say = speaker()
    try:
        order = BotOrder.from_json(sys.stdin.readline())
        stop = _bot_run(order, say)
    except errors.PortalLockBusy:
        say("another bot holds this portal; nothing was claimed")
        stop = StopReason.LOCK_BUSY
    except BillCopyError as error:
        say(f"the bot could not start ({error.code}): {error}")
        stop = StopReason.INFRASTRUCTURE
    finally:
        reaper.kill_stragglers()  # nobody else does where the reaper itself was killed
    say(f"stopped: {stop.name.lower().replace('_', ' ')}")
    return stop.value


def _log_warnings_only() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)  # on the handler: Robot sets the root logger's own level
    logging.basicConfig(handlers=[handler], format="%(message)s")


def _bot_run(order: BotOrder, say: Say) -> StopReason:
    try:
        folder = portal_profile.find_folder(order.portal, order.portal_path)
        profile = portal_profile.load(folder, url=order.portal_url)
    except (errors.InputError, errors.NotFound) as error:
        say(str(error))
        return StopReason.BAD_PORTAL_FOLDER
    if findings := portal_check.static_findings(folder):
        for finding in findings:
            say(str(finding))
        return StopReason.BAD_PORTAL_FOLDER
    browser = context.BrowserOptions(
        executable=chromium.find(explicit=order.chromium, headed=order.headed),
        flags=chromium.FLAGS,
        headless=not order.headed,
        slow_motion=f"{order.slow_mo_ms} ms",
    )
    if order.database is None:
        return _rehearse(order, profile, browser, say)
    return _work_the_queue(order, profile, browser, say)


def _rehearse(
    order: BotOrder, profile: Profile, browser: context.BrowserOptions, say: Say
) -> StopReason:
    """A walk without a queue: nothing is recorded anywhere."""
    ledger = RehearsalLedger(_test_requests(order))
    with credentials.open_session(order.vault) as vault:
        session = PortalSession(
            vault, record_read=lambda _credential, _outcome: None, refused_version=lambda: None
        )
        run = _run_of(order, profile, browser, session, ledger, say)
        stop = _run_robot(order, profile, run, folders.REHEARSAL)
        return StopReason.BAD_PORTAL_FOLDER if ledger.drifted else stop


def _work_the_queue(
    order: BotOrder, profile: Profile, browser: context.BrowserOptions, say: Say
) -> StopReason:
    assert order.database is not None
    connection = PortalConnection(
        order.database, order.portal, lock_wait_seconds=order.lock_wait_seconds
    )
    with contextlib.closing(connection), credentials.open_session(order.vault) as vault:
        connection.take_lock()
        bot_run_id = connection.once(
            request_queue.start_bot_run,
            portal=order.portal,
            host=socket.gethostname(),
            boot_id=versions.boot_id(),
            process_group=os.getpgrp(),
            process_started_at=versions.started_at(os.getpgrp()),
            dag_run_id=order.dag_run_id,
            selection=order.selection,
            limit=order.limit,
            versions=versions.versions(profile),
            actor=order.actor,
        )

        def record_read(credential: Credential, outcome: ReadOutcome) -> None:
            connection.repeatable(
                request_queue.record_credential_read,
                bot_run_id,
                path=credential.path,
                version=credential.version,
                outcome=outcome,
                expires_at=credential.expires_at,
            )

        def open_breaker(error: BillCopyError, secret_version: int | None) -> None:
            connection.repeatable(
                request_queue.open_breaker,
                bot_run_id,
                reason_code=error.code,
                detail=str(error),
                secret_version=secret_version,
            )

        def report_session_failure(reason_code: str) -> bool:
            return connection.repeatable(
                request_queue.report_session_failure, bot_run_id, reason_code=reason_code
            )

        def record_browser(version: str) -> None:
            connection.repeatable(request_queue.record_browser, bot_run_id, version=version)

        session = PortalSession(
            vault,
            record_read=record_read,
            refused_version=lambda: connection.repeatable(
                request_queue.refused_secret_version, order.portal
            ),
        )
        say(f"bot run {bot_run_id} on portal {order.portal}")
        stop, run = StopReason.INFRASTRUCTURE, None
        try:
            with _ledger(order, profile, connection, bot_run_id, say) as ledger:
                run = _run_of(order, profile, browser, session, ledger, say)
                run.open_breaker = open_breaker
                run.record_browser = record_browser
                run.report_session_failure = report_session_failure
                stop = _work(order, profile, connection, run, bot_run_id)
        finally:
            _finish(connection, bot_run_id, stop, run, say)
        return stop


def _work(
    order: BotOrder,
    profile: Profile,
    connection: PortalConnection,
    run: context.BotRun,
    bot_run_id: int,
) -> StopReason:
    """One request after the other; or only the sent log, where the order says so."""
    if (since := order.reconcile_since) is None:
        return _run_robot(order, profile, run, f"run-{bot_run_id}")

    def read(reconciling: reconciling.Reconciling) -> StopReason:
        run.reconciling = reconciling
        return _run_robot(order, profile, run, f"run-{bot_run_id}")

    return reconciling.reconcile(
        connection, profile, bot_run_id=bot_run_id, since=since, say=run.work.say, read=read
    )


@contextlib.contextmanager
def _ledger(
    order: BotOrder, profile: Profile, connection: PortalConnection, bot_run_id: int, say: Say
) -> Iterator[Ledger]:
    assert order.database is not None
    if order.reconcile_since is not None:
        yield RehearsalLedger([])  # permits nothing
    elif order.rehearse is not None:
        yield RehearsalLedger(_test_requests(order))
    elif order.dry_run:
        peeked = connection.once(request_queue.peek, order.portal, order.selection, order.limit)
        yield RehearsalLedger([replace(one, look_only=False) for one in peeked])
    else:
        timings = connection.once(request_queue.portal_timings, order.portal)
        demand_a_long_settle_window(timings, profile.sent_log.lag)
        keeper = LeaseKeeper(order.database, renew_every=timings["renew_every"])
        try:
            yield QueueLedger(
                connection,
                keeper,
                bot_run_id=bot_run_id,
                portal=order.portal,
                linger_seconds=order.linger_seconds,
                disk_is_low=lambda: folders.disk_is_low(order, say),
            )
        finally:
            keeper.stop()


def _test_requests(order: BotOrder) -> list[ClaimedRequest]:
    return [
        claimed_from(one, number=number, portal=order.portal)
        for number, one in enumerate(order.rehearse or (), 1)
    ]


def _run_of(
    order: BotOrder,
    profile: Profile,
    browser: context.BrowserOptions,
    session: PortalSession,
    ledger: Ledger,
    say: Say,
) -> context.BotRun:
    return context.BotRun(
        work=BotWork(
            ledger,
            profile,
            say=say,
            evidence_url=order.evidence_url,
            largest_evidence=order.evidence_max_kb * 1024,
            test_accounts=order.rehearse is not None,
        ),
        session=session,
        browser=browser,
        left=order.limit,
        stuck_after_seconds=order.stuck_after_seconds,
        open_breaker=lambda _error, _version: None,
    )


def _run_robot(
    order: BotOrder, profile: Profile, run: context.BotRun, folder_name: str
) -> StopReason:
    context.activate(run)
    with watchdog.watching(run):
        robot_run.run(
            profile,
            output_folder=folders.start_run(order.work_dir, order.portal, folder_name),
            log_level=order.log_level,
            with_log=not run.work.ledger.may_send and run.reconciling is None,
            suite=robot_run.SENT_LOG if run.reconciling else robot_run.BILL_COPIES,
        )
    return run.work.stop or StopReason.INFRASTRUCTURE


def _finish(
    connection: PortalConnection,
    bot_run_id: int,
    stop: StopReason,
    run: context.BotRun | None,
    say: Say,
) -> None:
    blocked = run.blocked_requests if run else None
    if blocked:
        say(f"the network guard refused {blocked} request(s)")
    with contextlib.suppress(BillCopyError):
        connection.repeatable(
            request_queue.finish_bot_run,
            bot_run_id,
            stop_reason=stop.name,
            blocked_requests=blocked,
        )


if __name__ == "__main__":
    sys.exit(main())
