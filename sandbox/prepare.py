"""The stack's preparation: databases, secrets, settings, and the word when all of it is healthy.

Runs as one program of the stack, beside the servers it prepares. `ready/<step>` below the stack's
folder says how far it is; the other programs wait for these marks.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from billcopy import database, migrate, portal_profile, request_queue, settings
from billcopy.settings import PROJECT_ROOT
from sandbox import postgres
from sandbox.airflow_config import logins
from sandbox.airflow_rest import AirflowRest
from sandbox.databases import keep_airflow_tables, make_databases, server_of
from sandbox.guarded import is_met
from sandbox.plan import Plan, read_plan
from sandbox.practice_portal.options import SERVICE_USER
from sandbox.secrets_and_settings import ALARMS, PORTAL, write_secrets_and_settings

# The practice portal sends at once, and its log lags by one second: 5 + 1 + 1 fit into the window.
TIMINGS = {"click_budget": "5 s", "send_processing": "1 s", "settle_window": "8 s"}
ACTOR = "sandbox"
AIRFLOW_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
WAIT_SECONDS = 180


def say(line: str) -> None:
    """One line for the person in front of the terminal."""
    print(line, flush=True)


def _run(plan: Plan, name: str, *command: str) -> None:
    """One command of the preparation, its output in a log file.

    Raises:
        RuntimeError: it failed; the message ends with its last words.
    """
    log = plan.log_folder / f"{name}.log"
    with log.open("ab") as output:
        code = subprocess.run(
            command,
            env=plan.environment(),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        raise RuntimeError(f"{name} ended with {code}: …{log.read_text()[-600:]}")


def _airflow_tables(plan: Plan, server: postgres.Server, *, there: bool) -> None:
    if not there:
        _run(
            plan,
            "airflow-db-migrate",
            str(Path(sys.executable).parent / "airflow"),
            "db",
            "migrate",
        )
        keep_airflow_tables(plan, server)
    plan.ready("airflow-tables").touch()


def _queue(plan: Plan) -> None:
    """Migrate, enter the practice portal, and give it the sandbox's short timings."""
    now = settings.load()
    with contextlib.closing(database.connect(now, database.Login.MIGRATOR)) as connection:
        migrate.migrate(connection)
    profile = portal_profile.load(portal_profile.find_folder(PORTAL, now.portal_path))
    with contextlib.closing(database.connect(now, database.Login.OPS)) as connection:
        request_queue.register_portal(connection, **profile.registration, actor=ACTOR)
        request_queue.configure_portal(
            connection, PORTAL, TIMINGS, actor=ACTOR, reason="the sandbox's short timings"
        )
    plan.ready("queue").touch()


def _airflow(plan: Plan) -> None:
    """What only a running Airflow can take (the pools), then wait until all its parts are well."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_met(f"{plan.airflow_url}/execution/health"):
        if time.monotonic() > deadline:
            raise TimeoutError("Airflow's api-server does not answer")
        time.sleep(0.2)
    rest = AirflowRest(plan.airflow_url, user="admin", password=logins(plan.airflow_home)["admin"])
    rest.ensure_pool(f"portal_{PORTAL}", slots=1, description="One signed-in session per portal.")
    plan.ready("pools").touch()
    while any(rest.health().get(part) != "healthy" for part in AIRFLOW_PARTS):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Airflow is not healthy: {rest.health()}")
        time.sleep(0.3)


def _announce(plan: Plan) -> None:
    passwords = logins(plan.airflow_home)
    say(f"Practice portal  {plan.portal_url} ({SERVICE_USER}; only Vault knows the password)")
    say(f"Airflow          {plan.airflow_url}")
    for user, password in passwords.items():
        say(f"                 {user} / {password}")
    say(f"Desk             {plan.airflow_url}/bill-copies/ (as rep; viewer may look)")
    say(f"Mails            {plan.mail_folder} (alarms: {plan.mail_folder / ALARMS})")
    say(f"Watch            {plan.watch_url}/health, /metrics")
    say(f"Settings         {plan.settings_file}")


def prepare(plan: Plan) -> None:
    """Everything, in the order in which it becomes possible."""
    began = time.monotonic()
    server = server_of(plan)
    say(f"PostgreSQL       {server.host}:{server.port}")
    passwords, tables_are_there = make_databases(plan, server)
    write_secrets_and_settings(plan, server, passwords)
    say(f"Secrets server   {plan.vault_url}")
    with ThreadPoolExecutor(max_workers=2) as both:
        tables = both.submit(_airflow_tables, plan, server, there=tables_are_there)
        queue = both.submit(_queue, plan)
        queue.result()
        say("Queue            migrated")
        tables.result()
        say(f"Airflow's tables ready after {time.monotonic() - began:.0f} s")
    _airflow(plan)
    _announce(plan)
    plan.ready("stack").touch()
    say(f"Healthy after {time.monotonic() - began:.0f} s. Ctrl-C ends all of it.")


def main() -> int:
    """Prepare, then stay until the stack ends."""
    parser = argparse.ArgumentParser(description="Prepare one stack of the sandbox.")
    parser.add_argument("--home", type=Path, required=True, help="the stack's folder")
    plan = read_plan(parser.parse_args().home)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        prepare(plan)
    except Exception as error:
        log = plan.log_folder / "prepare.log"
        log.write_text(traceback.format_exc())
        say(f"The stack could not be prepared: {error} (more: {log})")
        return 1
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
