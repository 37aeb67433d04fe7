"""A trigger that fires when requests can be claimed and no bot is at work on them.

It listens to the channel on which the database announces submissions, releases and requeues, looks
at the backlog when it starts and after a lost connection, and wakes when a deferred request is due.
While a bot is at work it stays silent: that bot takes the new requests, and its DAG run looks once
more when it ends. A bot that stopped renewing its lease is not at work: the run that is fired then
takes its request back first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from billcopy import database, errors, request_queue
from billcopy.airflow_parts import connections
from billcopy.model import Selection

CHANNEL = "billcopy_requests"
COALESCE_SECONDS = 1.0  # a bot that waits takes a new request within this time
LOOKS_AFTER_FIRING = 20  # a second apart, until the run that was asked for has claimed something
BETWEEN_LOOKS_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 300.0
# After that it fires again though nobody came; the last one repeats. The DAG may be paused, or its
# run may have waited for a task that had died, and a bot may have come and gone meanwhile.
IN_VAIN_SECONDS = (10.0, 30.0, 60.0, 120.0, LONGEST_WAIT_SECONDS)
AT_WORK_SECONDS = 10.0  # nobody announces that a bot died: how often to look whether it did
RECONNECT_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0)  # the last one repeats


@dataclass(frozen=True)
class Backlog:
    """What the database says: requests to claim, those in hand, and when to look again.

    `expired` counts those in hand whose bot stopped renewing long enough ago to be rescued.
    """

    claimable: int
    in_hand: int
    expired: int
    look_again_in: float

    @property
    def wants_a_run(self) -> bool:
        """Whether somebody should start a bot."""
        return self.expired > 0 or (self.claimable > 0 and self.in_hand == 0)


def look(parameters: dict[str, Any], portal: str) -> Backlog:
    """One look at the backlog, on a connection of its own.

    Raises:
        DatabaseUnavailable: there is no answer.
    """
    with contextlib.closing(database.connect_to(parameters)) as connection:
        claimable = request_queue.count_claimable(connection, portal, Selection())
        states = [one["states"] for one in request_queue.status(connection, portal)]
        expired = request_queue.count_expired_leases(connection, portal)
        due_at = request_queue.next_due_at(connection, portal)
    in_hand = sum(one.get("claimed", 0) for one in states)
    wait = LONGEST_WAIT_SECONDS
    if due_at is not None and claimable == 0:
        wait = (due_at - datetime.now(UTC)).total_seconds()
        # Due, and still not to be claimed: the portal is closed.
        wait = LONGEST_WAIT_SECONDS if wait <= 0 else min(wait + 0.5, LONGEST_WAIT_SECONDS)
    if in_hand and not expired:
        wait = min(wait, AT_WORK_SECONDS)
    return Backlog(claimable, in_hand, expired, wait)


class SubmittedRequestsTrigger(BaseEventTrigger):
    """Fires for one portal; the event carries the number of requests, nothing about them."""

    def __init__(self, *, portal: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.portal = portal

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes this trigger again."""
        return (f"{type(self).__module__}.{type(self).__qualname__}", {"portal": self.portal})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Listen for ever; a lost connection is made anew."""
        failures = 0
        while True:
            try:
                async for event in self._listen():
                    failures = 0
                    yield event
            except (OSError, asyncpg.PostgresError, errors.DatabaseUnavailable) as error:
                wait = RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)]
                failures += 1
                self.log.warning("%s; listening again in %s s", error or type(error), wait)
                await asyncio.sleep(wait)

    async def _listen(self) -> AsyncIterator[TriggerEvent]:
        parameters = connections.parameters(await BaseHook.aget_connection(connections.OPS))
        listener = await asyncpg.connect(
            host=parameters["host"],
            port=parameters["port"],
            user=parameters["user"],
            password=parameters["password"],
            database=parameters["dbname"],
            ssl=parameters["sslmode"],
        )
        woken = asyncio.Event()

        def announced(_connection: object, _pid: int, _channel: str, portal: object) -> None:
            if portal == self.portal:
                woken.set()

        listener.add_termination_listener(lambda _: woken.set())
        try:
            await listener.add_listener(CHANNEL, announced)
            self.log.info("listening for requests of %s", self.portal)
            fired, in_vain = False, 0  # fired and nobody came; how often in a row
            while True:
                backlog = await asyncio.to_thread(look, parameters, self.portal)
                wait = backlog.look_again_in
                if not backlog.wants_a_run:
                    in_vain = 0
                elif not fired:
                    event = {"portal": self.portal, "claimable": backlog.claimable}
                    yield TriggerEvent(event)  # type: ignore[no-untyped-call]
                    fired = await self._nobody_comes(parameters)
                    continue
                else:
                    wait = IN_VAIN_SECONDS[min(in_vain, len(IN_VAIN_SECONDS) - 1)]
                    in_vain += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), timeout=wait)
                    await asyncio.sleep(COALESCE_SECONDS)
                fired = False
                woken.clear()
                if listener.is_closed():
                    raise ConnectionError("the connection that listened was lost")
        finally:
            listener.terminate()

    async def _nobody_comes(self, parameters: dict[str, Any]) -> bool:
        for _ in range(LOOKS_AFTER_FIRING):
            await asyncio.sleep(BETWEEN_LOOKS_SECONDS)
            if not (await asyncio.to_thread(look, parameters, self.portal)).wants_a_run:
                return False
        return True
