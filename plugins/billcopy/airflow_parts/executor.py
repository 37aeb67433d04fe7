"""An executor that keeps task logs out of the scheduler's own output, and that can end.

LocalExecutor 3.3 copies every task's output to the scheduler's stdout, and that copy, unlike the
task's log file and the UI, does not pass the secret masker.

A scheduler that loses its database ends, but its LocalExecutor waits for its workers without a
limit: after one of them had been killed, another never got the word. Such a scheduler looks alive,
does nothing, and is not started again by whoever watches over it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from typing import Any

from airflow.executors import local_executor
from airflow.executors.base_executor import BaseExecutor

END_SECONDS = 30.0  # for running tasks to finish; a bot that is killed then loses nothing


class _WithoutTheCopy:
    """Stands in for BaseExecutor where LocalExecutor's worker looks it up."""

    @staticmethod
    def run_workload(*args: Any, **kwargs: Any) -> int:
        kwargs["subprocess_logs_to_stdout"] = False
        return BaseExecutor.run_workload(*args, **kwargs)


def _run_worker(**kwargs: Any) -> None:
    local_executor.BaseExecutor = _WithoutTheCopy  # type: ignore[attr-defined,assignment]
    local_executor._run_worker(**kwargs)


class QuietLocalExecutor(local_executor.LocalExecutor):
    """LocalExecutor without the unmasked copy, and with a limit to its end."""

    def end(self) -> None:
        """Wait for running tasks, but not for ever."""
        limit = threading.Timer(END_SECONDS, self._kill_workers)
        limit.daemon = True
        limit.start()
        try:
            super().end()
        finally:
            limit.cancel()

    def _kill_workers(self) -> None:
        for worker in list(self.workers.values()):
            with contextlib.suppress(ValueError):  # it has ended
                worker.kill()

    def _spawn_worker(self) -> None:
        worker = multiprocessing.Process(
            target=_run_worker,
            kwargs={
                "logger_name": self.log.name,
                "input": self.activity_queue,
                "output": self.result_queue,
                "unread_messages": self._unread_messages,
                "team_conf": self.conf,
            },
        )
        worker.start()
        assert worker.pid is not None
        self.workers[worker.pid] = worker
