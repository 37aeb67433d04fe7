"""The task that runs the bot: its lines become the task's log, its stop reason our colour."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from billcopy import credentials, settings
from billcopy.airflow_parts import connections, delivery_run, pause_watch
from billcopy.bot import launch
from billcopy.bot.order import BotOrder, DatabaseAccess, StopReason
from billcopy.reaper import PR_SET_PDEATHSIG

WELL = {
    StopReason.DRAINED: None,
    StopReason.LIMIT: "the limit of one run was reached",
    StopReason.MAINTENANCE: "the portal closed for maintenance",
    StopReason.STOPPED: "the portal was stopped",
}
PAUSED = "the DAG was paused; what waits goes on when it is not"
DRY = "dry run: nothing was sent, nothing changed"
BADLY = {
    StopReason.BREAKER: "the portal was closed after trouble",
    StopReason.INFRASTRUCTURE: "database, Vault, browser or portal did not work",
    StopReason.INTERRUPTED: "the bot was ended from outside",
    StopReason.BAD_PORTAL_FOLDER: "the portal folder breaks a rule",
    StopReason.DISK_LOW: "the disk is nearly full",
}


def _end_with_the_supervisor() -> None:
    """Have the kernel send us SIGTERM when Airflow's supervisor of this task dies.

    Airflow sees to the contrary case only: a task that waits for its bot to say something would
    not notice for a long time that nobody supervises it any more.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class RunBotOperator(BaseOperator):
    """Run the bot for one portal until it stops, and take its stop reason as our outcome.

    Green: it could work, whatever became of the requests. Skipped: another bot is signed in. Red:
    it could not work. Airflow never retries it, the queue owns retries.
    """

    def __init__(self, *, portal: str, **kwargs: Any) -> None:
        super().__init__(**{"retries": 0, "pool": f"portal_{portal}", **kwargs})
        self.portal = portal
        self._bot: launch.Bot | None = None
        self._last_words = ""

    def execute(self, context: Mapping[str, Any]) -> str:
        """Run the bot; gives its stop reason.

        Raises:
            AirflowSkipException: another bot is signed in to the portal.
            AirflowFailException: the bot could not work.
        """
        _end_with_the_supervisor()
        order = self._order(context)
        with pause_watch.watching(
            lambda: pause_watch.dag_is_paused(context), then=self._end_for_a_pause
        ) as paused:
            stop = launch.launch(
                order, on_line=self._hear, on_start=lambda bot: setattr(self, "_bot", bot)
            )
        if stop is StopReason.INTERRUPTED and paused.is_set():
            context["ti"].xcom_push(key=delivery_run.WHY, value=PAUSED)
            return "paused"
        return self._outcome(context, stop)

    def _end_for_a_pause(self) -> None:
        self.log.info("the DAG was paused: the bot ends before its next click")
        if self._bot is not None:
            self._bot.end(gently=True)

    def _hear(self, line: str) -> None:
        self.log.info("%s", line)
        if line and not line.startswith("stopped:"):
            self._last_words = line

    def on_kill(self) -> None:
        """End the bot; called in a signal handler, perhaps twice, perhaps before it started."""
        if self._bot is not None:
            self._bot.end()

    def _outcome(self, context: Mapping[str, Any], stop: StopReason) -> str:
        if stop is StopReason.LOCK_BUSY:
            raise delivery_run.skipped(context, "Another bot is signed in to the portal.")
        if stop in BADLY:
            why = f"{BADLY[stop]}: {self._last_words}" if self._last_words else BADLY[stop]
            context["ti"].xcom_push(key=delivery_run.WHY, value=why)
            raise AirflowFailException(f"The bot could not work: {why}")
        note = DRY if delivery_run.wish_of(context).dry_run else WELL[stop]
        if note:
            context["ti"].xcom_push(key=delivery_run.WHY, value=note)
        return stop.name.lower()

    def _order(self, context: Mapping[str, Any]) -> BotOrder:
        now = settings.load()
        wish = delivery_run.wish_of(context)
        linger = 0 if wish.is_selective or wish.dry_run else now.linger_seconds
        database = connections.parameters(BaseHook.get_connection(connections.BOT))
        return BotOrder(
            portal=self.portal,
            portal_url=now.portal_urls.get(self.portal),
            portal_path=tuple(map(str, now.portal_path)),
            database=DatabaseAccess(**database),
            vault=credentials.access_for_bot(now, self.portal),
            evidence_url=now.evidence_url,
            evidence_max_kb=now.evidence_max_kb,
            min_free_bytes=now.min_free_bytes,
            watched_folders=tuple(map(str, now.watched_folders)),
            work_dir=str(now.work_dir),
            chromium=str(now.chromium) if now.chromium else None,
            limit=wish.limit or now.request_limit,
            linger_seconds=linger,
            lock_wait_seconds=now.lock_wait_seconds,
            dry_run=wish.dry_run,
            selection=wish.selection,
            dag_run_id=delivery_run.name_of(context),
            actor=delivery_run.actor_of(context),
        )
