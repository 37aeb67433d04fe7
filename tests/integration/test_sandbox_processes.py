"""Whatever dies, nothing of the stack stays behind; and what must wait for something waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from billcopy.settings import PROJECT_ROOT
from sandbox import stack
from sandbox.plan import USUAL_PORTS, Plan, PortTaken, free_ports, read_plan, usual_ports
from sandbox.postgres import free_port
from tests.waiting import happens, until

# A server of sorts that starts a helper in a session of its own and writes both process ids.
SERVER = """
import os, subprocess, sys, time
helper = subprocess.Popen(["sleep", "600"], start_new_session=True)
open(sys.argv[1], "w").write(f"{os.getpid()} {helper.pid}")
time.sleep(float(sys.argv[2]))
"""


# A server has its own grace before it is killed; a slow machine takes its share.
PATIENCE_SECONDS = 60


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def written(pids: Path) -> bool:
    """Whether the server has written both process ids."""
    return pids.exists() and len(pids.read_text().split()) == 2


@pytest.fixture
def guard(tmp_path: Path):
    """Starts a guarded server; gives the guard, what it watches, and the server's processes."""
    started: list[subprocess.Popen[str]] = []

    def start(*, seconds: float = 600, after: Path | None = None, restart: bool = False):
        watched = subprocess.Popen(["sleep", "600"], text=True)
        pids = tmp_path / "pids"
        command = [sys.executable, "-m", "sandbox.guarded", "--name", "server"]
        command += ["--watch", str(watched.pid), "--log", str(tmp_path / "log")]
        command += [f"--after={after}"] if after else []
        command += ["--restart"] if restart else []
        command += ["--", sys.executable, "-c", SERVER, str(pids), str(seconds)]
        guard = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)
        started.extend([watched, guard])
        if after is None:
            until(lambda: written(pids))
            return guard, watched, [int(pid) for pid in pids.read_text().split()]
        return guard, watched, pids

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_the_guard_ends_with_everything_below_it(guard) -> None:
    process, _, pids = guard()
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert not any(alive(pid) for pid in pids)


def test_everything_ends_when_the_stack_is_killed(guard) -> None:
    process, watched, pids = guard()
    watched.kill()
    watched.wait()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert not any(alive(pid) for pid in pids)


def test_the_server_ends_when_its_guard_is_killed(guard) -> None:
    process, _, pids = guard()
    process.kill()
    until(lambda: not alive(pids[0]))
    os.kill(pids[1], signal.SIGKILL)  # its helper is the stack's to end, which adopts it


def test_a_server_that_ends_by_itself_is_a_fault(guard) -> None:
    process, _, pids = guard(seconds=0.3)
    assert process.wait(PATIENCE_SECONDS) == 1
    assert "server ended by itself (exit code 0)" in process.stdout.read()
    assert not any(alive(pid) for pid in pids)


def test_a_server_is_started_again_where_that_is_asked(guard, tmp_path: Path) -> None:
    process, _, pids = guard(restart=True)
    (tmp_path / "pids").unlink()
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: (tmp_path / "pids").exists())
    assert not any(alive(pid) for pid in pids)  # nothing of the first one is left
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0


def test_the_server_waits_for_what_it_needs(guard, tmp_path: Path) -> None:
    need = tmp_path / "need"
    _, _, pids = guard(after=need)
    assert not happens(pids.exists, within=0.8)
    need.touch()
    until(lambda: written(pids))
    os.kill(int(pids.read_text().split()[1]), signal.SIGKILL)


# -- plan ------------------------------------------------------------------------------------------


def test_a_plan_can_be_read_again(tmp_path: Path) -> None:
    plan = Plan(home=tmp_path, ports=free_ports(), fresh=True, linger_seconds=3)
    plan.write()
    assert read_plan(tmp_path) == plan


def test_a_port_that_was_asked_for_must_be_free(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("BILLCOPY_SANDBOX_AIRFLOW_PORT", str(port))
        with pytest.raises(PortTaken, match=f"port {port} .*AIRFLOW_PORT"):
            usual_ports()
    free = free_port()
    monkeypatch.setenv("BILLCOPY_SANDBOX_AIRFLOW_PORT", str(free))
    assert usual_ports().airflow == free
    monkeypatch.setenv("BILLCOPY_SANDBOX_AIRFLOW_PORT", "http")
    with pytest.raises(PortTaken, match="is not a TCP port"):
        usual_ports()


def test_ports_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(set(vars(free_ports()).values())) == len(vars(USUAL_PORTS))
    assert len(set(vars(usual_ports()).values())) == len(vars(USUAL_PORTS))


def test_a_second_stack_in_the_same_folder_says_so(tmp_path: Path) -> None:
    plan = Plan(home=tmp_path, ports=free_ports())
    with stack._only_one(plan), pytest.raises(stack.AlreadyRunning) as refused:
        stack.run(plan)
    assert f"process {os.getpid()}, Airflow on {plan.airflow_url}" in str(refused.value)
    with stack._only_one(plan):
        pass
