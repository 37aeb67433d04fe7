"""The executor keeps task logs out of the scheduler's output."""

from __future__ import annotations

import inspect

import pytest

from tests.airflow_fixtures import import_airflow

import_airflow()
from airflow.executors import local_executor  # noqa: E402
from airflow.executors.base_executor import BaseExecutor  # noqa: E402

from billcopy.airflow_parts import executor  # noqa: E402


def test_the_copy_is_off_whatever_the_worker_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    monkeypatch.setattr(BaseExecutor, "run_workload", lambda *_args, **kwargs: seen.update(kwargs))
    executor._WithoutTheCopy.run_workload("workload", subprocess_logs_to_stdout=True)
    assert seen == {"subprocess_logs_to_stdout": False}


def test_airflow_still_works_the_way_we_change_it() -> None:
    worker = inspect.getsource(local_executor._run_worker)
    assert "BaseExecutor.run_workload(" in worker
    assert "subprocess_logs_to_stdout=True" in worker
    assert "subprocess_logs_to_stdout" in inspect.signature(BaseExecutor.run_workload).parameters
    parent = inspect.getsource(local_executor.LocalExecutor._spawn_worker)
    ours = inspect.getsource(executor.QuietLocalExecutor._spawn_worker)
    for argument in inspect.signature(local_executor._run_worker).parameters:
        assert f'"{argument}"' in parent
        assert f'"{argument}"' in ours


def test_it_ends_although_a_worker_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing
    import time

    monkeypatch.setattr(executor, "END_SECONDS", 0.2)
    quiet = executor.QuietLocalExecutor(parallelism=1)
    monkeypatch.setattr(quiet, "_spawn_workers_with_gc_freeze", lambda _number: None)
    quiet.start()
    deaf = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    deaf.start()
    quiet.workers[deaf.pid] = deaf
    began = time.monotonic()
    quiet.end()
    assert time.monotonic() - began < 30
