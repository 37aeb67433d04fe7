"""The process that holds leases: its portal's lock, clock and password; login `billcopy_bot`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from billcopy.database import Connection, Json, row
from billcopy.model import Selection


def start_bot_run(
    connection: Connection,
    *,
    portal: str,
    host: str,
    boot_id: str,
    process_group: int,
    process_started_at: float,
    dag_run_id: str | None,
    selection: Selection,
    limit: int,
    versions: Mapping[str, str],
    actor: str,
) -> int:
    """Record the process that will hold leases; returns the bot run's number.

    `process_started_at` counts clock ticks since boot, as /proc/PID/stat does.

    Raises:
        NotFound: the portal is not registered.
    """
    return int(
        row(
            connection,
            "start_bot_run",
            portal=portal,
            host=host,
            boot_id=boot_id,
            process_group=process_group,
            process_started_at=process_started_at,
            dag_run_id=dag_run_id,
            request_limit=limit,
            versions=Json(dict(versions)),
            actor=actor,
            **selection.parameters(),
        )["bot_run_id"]
    )


def finish_bot_run(
    connection: Connection, bot_run_id: int, *, stop_reason: str, blocked_requests: int | None
) -> None:
    """Record why the bot run stopped and how many requests the guard refused."""
    row(
        connection,
        "finish_bot_run",
        bot_run_id=bot_run_id,
        stop_reason=stop_reason,
        blocked_requests=blocked_requests,
    )


def record_browser(connection: Connection, bot_run_id: int, *, version: str) -> None:
    """Add the browser's version to those recorded at the start."""
    row(connection, "record_browser", bot_run_id=bot_run_id, version=version)


def take_portal_lock(connection: Connection, portal: str) -> bool:
    """Try to become the portal's one bot, for as long as this connection lives."""
    return bool(row(connection, "take_portal_lock", portal=portal)["taken"])


def portal_refusal(connection: Connection, portal: str) -> str | None:
    """Why nothing may be claimed or sent now: a reason's code, or None."""
    code: str | None = row(connection, "portal_refusal", portal=portal)["reason_code"]
    return code


def portal_timings(connection: Connection, portal: str) -> dict[str, timedelta]:
    """The portal's clockwork, by its columns' names: `lease`, …, `settle_window`."""
    return row(connection, "portal_timings", portal=portal)


def database_now(connection: Connection) -> datetime:
    """The database's clock; ask before a look at the portal's log, to date the look."""
    now: datetime = row(connection, "database_now")["now"]
    return now


def record_credential_read(
    connection: Connection,
    bot_run_id: int,
    *,
    path: str,
    version: int,
    outcome: str,
    expires_at: datetime | None = None,
) -> None:
    """Record that a password was read, accepted or refused: its version, and its end if known."""
    row(
        connection,
        "record_credential_read",
        bot_run_id=bot_run_id,
        path=path,
        version=version,
        outcome=outcome,
        expires_at=expires_at,
    )


def refused_secret_version(connection: Connection, portal: str) -> int | None:
    """The version of the password that nobody may try again."""
    version: int | None = row(connection, "refused_secret_version", portal=portal)["version"]
    return version


def report_session_failure(connection: Connection, bot_run_id: int, *, reason_code: str) -> bool:
    """A session could not be made ready; whether the breaker is open now."""
    found = row(
        connection, "report_session_failure", bot_run_id=bot_run_id, reason_code=reason_code
    )
    return bool(found["closed"])


def open_breaker(
    connection: Connection,
    bot_run_id: int,
    *,
    reason_code: str,
    detail: str,
    until: datetime | None = None,
    secret_version: int | None = None,
) -> None:
    """Keep everybody from the portal, until then or until a person closes it."""
    row(
        connection,
        "open_breaker",
        bot_run_id=bot_run_id,
        reason_code=reason_code,
        detail=detail,
        until=until,
        secret_version=secret_version,
    )
