"""What a DAG run of `deliver_bill_copies` is asked to do, and how it reports what it did."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from billcopy import request_queue
from billcopy.airflow_parts import assets, connections
from billcopy.bot import old_bot
from billcopy.model import Selection

logger = logging.getLogger(__name__)

REQUEUED_STATES = ("failed", "partial", "rejected")
WHY = "why"  # XCom key: why nothing was done

# JSON schema's date-time is not checked without a package of its own.
MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"

NUMBERS = r"^\s*([1-9]\d*(\s*,\s*[1-9]\d*)*\s*)?$"

FORM = {
    "request_ids": Param(
        None,
        type=["null", "string"],
        pattern=NUMBERS,
        title="Requests",
        description="Only these requests, by their numbers, such as 12, 15. Empty: all that wait.",
        section="Which requests",
    ),
    "received_from": Param(
        None,
        type=["null", "string"],
        format="date-time",
        pattern=MOMENT,
        title="Received from",
        description="Only requests received at or after this time.",
        section="Which requests",
    ),
    "received_to": Param(
        None,
        type=["null", "string"],
        format="date-time",
        pattern=MOMENT,
        title="Received before",
        description="Only requests received before this time.",
        section="Which requests",
    ),
    "states": Param(
        ["failed", "partial"],
        type="array",
        items={"type": "string", "enum": list(REQUEUED_STATES)},
        uniqueItems=True,
        examples=list(REQUEUED_STATES),
        values_display={
            "failed": "failed: something did not work",
            "partial": "partial: some bills were not sent",
            "rejected": "rejected: the bank or the customer's data said no",
        },
        title="Put back into the queue",
        description="Finished requests among the ones chosen above that are tried once more. "
        "What was sent is not sent again.",
        section="Which requests",
    ),
    "limit": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=10_000,
        title="At most",
        description="The run ends after so many requests. Empty: the usual number.",
        section="How",
    ),
    "dry_run": Param(
        False,  # noqa: FBT003
        type="boolean",
        title="Dry run",
        description="Walks up to the send form, sends nothing, changes nothing.",
        section="How",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a run was asked for: by its form, by its interval (backfill), or nothing special."""

    selection: Selection = field(default_factory=Selection)
    states: tuple[str, ...] = ()
    limit: int | None = None
    dry_run: bool = False

    @property
    def is_selective(self) -> bool:
        """Whether only certain requests are meant."""
        return self.selection != Selection()


def wish_of(context: Mapping[str, Any]) -> Wish:
    """Read the wish of the run that this task's context belongs to.

    A backfill means its interval; a form means what was filled in. Branches on the run's type, as a
    reprocessed backfill run keeps the run id of the scheduled one.
    """
    params = context["params"]
    ids = tuple(int(one) for one in re.findall(r"\d+", params.get("request_ids") or ""))
    received_from, received_to = _moment(params, "received_from"), _moment(params, "received_to")
    if context["dag_run"].run_type == "backfill":
        received_from = received_from or context["data_interval_start"]
        received_to = received_to or context["data_interval_end"]
    return Wish(
        selection=Selection(
            request_ids=ids or None,
            received_from=received_from,
            received_to=received_to,
        ),
        states=tuple(params.get("states") or ()),
        limit=params.get("limit"),
        dry_run=bool(params.get("dry_run")),
    )


def _moment(params: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(params[name]) if params.get(name) else None


def actor_of(context: Mapping[str, Any]) -> str:
    """Who acts: the person who triggered the run, or Airflow."""
    return str(context["dag_run"].triggering_user_name or "airflow")


def name_of(context: Mapping[str, Any]) -> str:
    """The run's name in the queue's books; run ids alone are not unique over DAGs."""
    run = context["dag_run"]
    return f"{run.dag_id}/{run.run_id}"


def requeue(context: Mapping[str, Any], portal: str) -> dict[str, int]:
    """Put finished requests back that a backfill or a form asks for; counts per outcome."""
    wish = wish_of(context)
    if not wish.is_selective or not wish.states or wish.dry_run:
        return {}
    with connections.ops() as connection:
        found = request_queue.requeue(
            connection,
            portal=portal,
            selection=wish.selection,
            states=wish.states,
            actor=actor_of(context),
            reason=name_of(context),
        )
    outcomes = [outcome for _, outcome in found]
    return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


def rescue(context: Mapping[str, Any]) -> list[int]:
    """Take back the requests whose bot died; gives their numbers. The scheduler lives, then."""
    with connections.ops() as connection:
        request_queue.record_sign_of_life(connection, "scheduler")
        rescued = request_queue.rescue(connection, actor=actor_of(context), end_bot=old_bot.end)
    return [one.request_id for one in rescued]


def gate(context: Mapping[str, Any], portal: str) -> int:
    """How many requests a bot could claim now; a short cut, `claim_next` is the judge.

    Raises:
        AirflowSkipException: there is nothing to do; the message says why.
    """
    with connections.ops() as connection:
        claimable = request_queue.count_claimable(connection, portal, wish_of(context).selection)
        if claimable:
            return claimable
        closure = request_queue.portal_closure(connection, portal)
        due_at = request_queue.next_due_at(connection, portal)
    if closure:
        until = f"Until {closure.until:%Y-%m-%d %H:%M %Z}; " if closure.until else ""
        why = f"{closure.why} {until}{closure.opened_by}"
    elif wish_of(context).is_selective:
        why = "none of the chosen requests waits"
    elif due_at:
        why = f"no request waits; the next is due at {due_at:%Y-%m-%d %H:%M:%S %Z}"
    else:
        why = "no request waits"
    raise skipped(context, f"Nothing to do: {why}.")


def skipped(context: Mapping[str, Any], why: str) -> AirflowSkipException:
    """The exception that skips a task, with the reason kept for the run's note."""
    logger.info(why)
    context["ti"].xcom_push(key=WHY, value=why)
    return AirflowSkipException(why)


def summarise(context: Mapping[str, Any], portal: str) -> str:
    """One sentence about the run; if it left requests that can be claimed, the next starts at once.

    Only a run that did something may ask for the next one: otherwise a bot that cannot work would
    be started for ever.
    """
    with connections.ops() as connection:
        summary = request_queue.dag_run_summary(connection, name_of(context))
        more = request_queue.count_claimable(connection, portal, Selection())
    ended_well = context["ti"].xcom_pull(task_ids="run_bot") is not None
    if more and ended_well and summary["requests"]:
        announcement = context["outlet_events"][assets.more_requests(portal)]
        announcement.add(assets.submitted_requests(portal), extra={"left": more})
    return note_of(summary, why=_why(context), more=more)


def note_of(summary: Mapping[str, int], *, why: str | None, more: int) -> str:
    """The run's note, in the words that operations use."""
    counted = {
        "delivered": summary["delivered"],
        "could not be sent": summary["partial"] + summary["rejected"] + summary["failed"],
        "to check": summary["held"] + summary["in_doubt"],
    }
    parts = [", ".join(f"{words} {count}" for words, count in counted.items())]
    if summary["requests"] == 0:
        parts = []
    if why:
        parts.append(why)
    if more:
        parts.append(f"{more} more wait")
    return ". ".join(part.rstrip(".") for part in parts) or "no request was worked on"


def _why(context: Mapping[str, Any]) -> str | None:
    for task in ("run_bot", "gate"):
        if why := context["ti"].xcom_pull(task_ids=task, key=WHY):
            return str(why)
    return None
