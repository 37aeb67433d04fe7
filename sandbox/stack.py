"""The stack's programs and the process manager around them.

honcho starts them, and ends all when one ends (a plan may ask to start it again instead). What
it lacks stands in `sandbox.guarded`: waiting for each other, and ending when the manager is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from billcopy.settings import PROJECT_ROOT as ROOT
from sandbox.plan import EXTERNAL_POSTGRES, Plan
from sandbox.processes import become_subreaper, die_with_parent, end_descendants
from sandbox.secrets_and_settings import ALARMS, ALARMS_TO

PREPARATION = "prepare"
SIGNALLED = (130, 143)  # how honcho says that Ctrl-C or a SIGTERM ended it
ENDED_BADLY = re.compile(r"stopped \(rc=(?!0\))")


class AlreadyRunning(Exception):
    """A stack runs in this folder."""


@dataclass(frozen=True)
class Program:
    """One program: its command, and what must be there before it starts."""

    name: str
    command: list[str]
    after: tuple[str, ...] = ()


def programs(plan: Plan) -> list[Program]:
    """All programs of the stack, in the order in which they can start."""
    python = sys.executable
    airflow = str(Path(python).parent / "airflow")
    home, ports = plan.home, plan.ports

    def module(name: str, *arguments: object) -> list[str]:
        return [python, "-m", f"sandbox.{name}", *map(str, arguments)]

    tables = (str(plan.ready("airflow-tables")),)
    queue = (*tables, str(plan.ready("queue")))
    embedded = Program(
        "postgres", module("postgres", "--dir", home / "postgres", "--port", ports.postgres)
    )
    portal = module("practice_portal", "--port", ports.portal, "--smtp-port", ports.mail)
    portal += ["--data-dir", str(home / "portal")]
    portal += ["--password-file", str(plan.portal_password_pipe)]
    mails = module("mail_sink", "--dir", plan.mail_folder, "--port", ports.mail)
    mails += ["--aside", f"{ALARMS_TO}={plan.mail_folder / ALARMS}"]
    return [
        *([] if os.environ.get(EXTERNAL_POSTGRES) else [embedded]),
        Program("vault", module("secrets_server", "--dir", home / "vault", "--port", ports.vault)),
        Program(PREPARATION, module("prepare", "--home", home)),
        Program("mail-sink", mails),
        Program("practice-portal", portal, (str(plan.portal_password_pipe),)),
        Program("watch", [python, "-m", "billcopy", "watch"], (str(plan.ready("queue")),)),
        Program("api-server", [airflow, "api-server"], tables),
        Program("dag-processor", [airflow, "dag-processor"], queue),
        Program("triggerer", [airflow, "triggerer"], queue),
        # Its first request to a cold api-server would take longer than a task waits.
        Program("scheduler", [airflow, "scheduler"], (*queue, str(plan.ready("pools")))),
    ]


class _Terminal(Printer):  # type: ignore[misc]
    """Shows what the programs' guards and the preparation say; the rest stands in log files."""

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode(errors="replace") if isinstance(data, bytes) else data
        if message.name == SYSTEM_PRINTER_NAME and not ENDED_BADLY.search(text):
            return
        print(text.rstrip("\n"), file=self.output, flush=True)


@contextlib.contextmanager
def _only_one(plan: Plan) -> Iterator[None]:
    plan.home.mkdir(parents=True, exist_ok=True)
    lock = plan.home / "stack.lock"
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(f"The stack is running already: {file.read()}") from None
        file.truncate(0)
        file.write(
            f"process {os.getpid()}, Airflow on {plan.airflow_url}. End it there with Ctrl-C."
        )
        file.flush()
        yield


def run(plan: Plan) -> int:
    """Run the stack until a signal or until one of its programs ends; nothing stays behind.

    Raises:
        AlreadyRunning: one runs in this folder; the message says where.
    """
    with _only_one(plan):
        return _run(plan)


def _run(plan: Plan) -> int:
    become_subreaper()
    for folder in ("ready", "log"):
        shutil.rmtree(plan.home / folder, ignore_errors=True)
        (plan.home / folder).mkdir()
    if plan.fresh:
        for folder in ("mail", "portal", "vault", "evidence", "bot", "airflow/logs"):
            shutil.rmtree(plan.home / folder, ignore_errors=True)
    plan.write()
    manager = Manager(_Terminal(sys.stdout))
    for program in programs(plan):
        command = shlex.join(_guarded(program, plan))
        manager.add_process(program.name, f"exec {command}", env=plan.environment(), cwd=ROOT)
    try:
        manager.loop()
    finally:
        end_descendants(grace_seconds=1)
        plan.ready("stack").unlink(missing_ok=True)
    return 0 if manager.returncode in (0, *SIGNALLED) else 1


def _guarded(program: Program, plan: Plan) -> list[str]:
    command = [sys.executable, "-m", "sandbox.guarded", "--name", program.name]
    command += ["--watch", str(os.getpid()), *(f"--after={need}" for need in program.after)]
    if program.name != PREPARATION:  # that one speaks to the person at the terminal
        command += ["--log", str(plan.log_folder / f"{program.name}.log")]
        command += ["--restart"] if plan.restart else []
    return [*command, "--", *program.command]


@contextlib.contextmanager
def running(
    plan: Plan, *, timeout_seconds: float = 240, output: int | None = None
) -> Iterator[None]:
    """A healthy stack in processes of its own, ended on leaving.

    Args:
        plan: where and with what; `plan.ports` must be free.
        timeout_seconds: how long it may take to get healthy.
        output: file descriptor for what the stack says; none: our own output.

    Raises:
        RuntimeError: it ended, or was not healthy in time.
    """
    plan.write()
    command = [sys.executable, "-m", "sandbox.up", "--planned", str(plan.home)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, preexec_fn=die_with_parent
    )
    try:
        plan.ready("stack").unlink(missing_ok=True)
        deadline = time.monotonic() + timeout_seconds
        while not plan.ready("stack").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the stack did not get healthy; see {plan.log_folder}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()
