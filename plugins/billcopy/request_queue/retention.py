"""Erasing what is due, legal holds, a customer's own data; login `billcopy_ops`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from billcopy.database import Connection, row, rows


def set_legal_hold(connection: Connection, request_id: int, *, actor: str, reason: str) -> bool:
    """From now on nothing of this request is erased; says whether its data are still there.

    Raises:
        IllegalTransition: it is on legal hold already.
        NotFound: there is no such request.
    """
    answer = row(connection, "set_legal_hold", request_id=request_id, actor=actor, reason=reason)
    return bool(answer["still_there"])


def lift_legal_hold(connection: Connection, request_id: int, *, actor: str, reason: str) -> None:
    """The usual times count again, from when the request finished.

    Raises:
        IllegalTransition: it is not on legal hold.
    """
    row(connection, "lift_legal_hold", request_id=request_id, actor=actor, reason=reason)


def retention_due(
    connection: Connection, *, subject_age: timedelta, evidence_age: timedelta
) -> dict[str, tuple[int, int]]:
    """Per place of the database, how much is due and how much a legal hold keeps. Reads only."""
    found = rows(connection, "retention_due", subject_age=subject_age, evidence_age=evidence_age)
    return {one["place"]: (one["due"], one["held"]) for one in found}


def erase_due_subjects(
    connection: Connection, age: timedelta, *, limit: int, actor: str, reason: str
) -> int:
    """Erase one batch of requests that finished longer ago; 0 when nothing is left."""
    given = {"age": age, "batch": limit, "actor": actor, "reason": reason}
    return int(row(connection, "erase_due_subjects", **given)["erased"])


def erase_due_keys(connection: Connection, *, limit: int, actor: str, reason: str) -> int:
    """Erase one batch of hashes past the duplicate window; 0 when nothing is left."""
    given = {"batch": limit, "actor": actor, "reason": reason}
    return int(row(connection, "erase_due_keys", **given)["erased"])


def take_due_evidence(
    connection: Connection,
    age: timedelta,
    *,
    request_ids: Sequence[int] | None = None,
    after: int = 0,
    limit: int,
) -> dict[int, str]:
    """One batch of evidence, number and address, locked until the caller's transaction ends.

    `after`: the number of the last one that was handed out; `request_ids`: of these only.
    """
    asked = None if request_ids is None else list(request_ids)
    given = {"age": age, "request_ids": asked, "after": after, "batch": limit}
    found = rows(connection, "take_due_evidence", **given)
    return {one["evidence_id"]: one["url"] for one in found}


def mark_evidence_erased(
    connection: Connection, evidence_ids: Sequence[int], *, actor: str, reason: str
) -> int:
    """Say that their files are gone; says how many were not marked before.

    Raises:
        NotPermitted: the request of one is on legal hold, or open.
    """
    given = {"evidence_ids": list(evidence_ids), "actor": actor, "reason": reason}
    return int(row(connection, "mark_evidence_erased", **given)["erased"])


def evidence_to_keep(connection: Connection, files: Sequence[tuple[str, int]]) -> set[str]:
    """Of files, each an address and its request's number, the addresses that are still needed."""
    urls, request_ids = [url for url, _ in files], [number for _, number in files]
    found = rows(connection, "evidence_to_keep", urls=urls, request_ids=request_ids)
    return {one["url"] for one in found}


def bot_runs_to_keep(connection: Connection) -> set[int]:
    """Bot runs that worked on a request on legal hold, or are at work."""
    return {one["bot_run_id"] for one in rows(connection, "bot_runs_to_keep")}


def export_subject(
    connection: Connection, account: str, *, portal: str | None, actor: str, reason: str
) -> list[dict[str, Any]]:
    """Everything held about one account, in clear; who asked and why is recorded.

    Raises:
        InputError: there is no such portal.
    """
    given = {"portal": portal, "account": account, "actor": actor, "reason": reason}
    told: list[dict[str, Any]] = row(connection, "export_subject", **given)["told"]
    return told


def erase_subjects_of(
    connection: Connection, account: str, *, portal: str | None, actor: str, reason: str
) -> dict[int, str]:
    """Erase an account's finished requests now; per request what became of it.

    `erased`, `erased_before`, or why it stays: `open`, `legal_hold`, `under_way`. Its evidence is
    due from now on.

    Raises:
        InputError: there is no such portal.
    """
    given = {"portal": portal, "account": account, "actor": actor, "reason": reason}
    found = rows(connection, "erase_subjects_of", **given)
    return {one["request_id"]: one["outcome"] for one in found}
