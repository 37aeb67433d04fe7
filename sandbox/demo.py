"""`make demo`: sample requests from the queue through Airflow and the bot to mails, and the proof.

Everything is real but the bank: PostgreSQL, Airflow with its four processes, the browser, SMTP, and
hvac against Vault's API. Exits 0 only if every outcome, every mail and the database agree with the
expected file.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from billcopy import database, intake, request_queue, settings, submission
from billcopy.database import Connection
from billcopy.settings import PROJECT_ROOT
from sandbox import mail_sink, stack
from sandbox.airflow_config import logins
from sandbox.airflow_rest import AirflowRest
from sandbox.demo_check import REFUSED, Mail, Outcome, Verdict, judge, read_expected
from sandbox.demo_view import OPEN, View, counted
from sandbox.plan import Plan, free_ports

DAG = "deliver_bill_copies"
SAMPLES = PROJECT_ROOT / "sandbox" / "samples"
HOME = PROJECT_ROOT / "var" / "demo"
REPORT = PROJECT_ROOT / "var" / "demo.json"
# A bot that finds nothing to claim waits for the requests deferred until the bank's log is read.
LINGER_SECONDS = 8
WORK_SECONDS = 300
AFTER_SECONDS = 60


def submit(connection: Connection) -> tuple[dict[str, int], list[Outcome]]:
    """Submit the samples: request id per reference, and the samples that were refused."""
    samples = SAMPLES / "requests.csv"
    with samples.open(encoding="utf-8", newline="") as file:
        lines = dict(enumerate(csv.DictReader(file), start=2))
    entered: dict[str, int] = {}
    refused = []
    for report in submission.submit_rows(connection, intake.parse(samples), actor="demo"):
        reference = lines[report.row]["reference"]
        if report.request_id is not None and report.outcome == "entered":
            entered[reference] = report.request_id
        else:
            words = "; ".join(report.why) or report.outcome
            refused.append(
                Outcome(reference=reference, state=REFUSED, code=report.code, words=words)
            )
    return entered, refused


def _rest(plan: Plan) -> AirflowRest:
    rest = AirflowRest(plan.airflow_url, user="ops", password=logins(plan.airflow_home)["ops"])
    deadline = time.monotonic() + AFTER_SECONDS
    while DAG not in rest.dags():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Airflow does not know {DAG}: {rest.import_errors()}")
        time.sleep(0.3)
    return rest


def _follow(view: View, plan: Plan, connection: Connection, rest: AirflowRest, total: int) -> None:
    """Show the queue until nothing is open any more, the bot cannot work, or time is up."""
    deadline = time.monotonic() + WORK_SECONDS
    with view.progress(total) as progress:
        while True:
            (portal,) = request_queue.status(connection, "practice")
            states = portal["states"]
            still_open = sum(states.get(state, 0) for state in OPEN)
            mails = len(list(plan.mail_folder.glob("*.eml")))
            progress.update(
                progress.task_ids[0],
                completed=total - still_open,
                description=f"{counted(states)}; {mails} mails",
            )
            if not still_open or time.monotonic() > deadline or _is_red(rest):
                return
            time.sleep(0.7)


def _is_red(rest: AirflowRest) -> bool:
    return any(run["state"] == "failed" for run in rest.runs(DAG))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def outcome_of(connection: Connection, reference: str, request_id: int) -> Outcome:
    """What became of one request, read from its story."""
    story = request_queue.story(connection, request_id)
    request = story.request
    worked = [
        (_moment(one["ended_at"]) - _moment(one["started_at"])).total_seconds()
        for one in story.attempts
        if one["ended_at"]
    ]
    confirmed = [one for one in story.deliveries if one["state"] == "confirmed"]
    kept = [one["url"] for one in story.evidence]
    return Outcome(
        reference=reference,
        state=request["state"],
        code=request["reason_code"],
        words=request["reason"] or request["meaning"],
        account_masked=request["account_masked"],
        request_id=request_id,
        seconds=round(sum(worked), 1),
        evidence=_evidence(kept),
        sent=tuple(one["invoice_number"] for one in confirmed),
        proven=all(one["proof_kind"] == "sent_log" for one in confirmed),
    )


def _evidence(urls: Sequence[str]) -> str:
    if not urls:
        return ""
    return f"{len(urls)} in {Path(urls[0].removeprefix('file://')).parent.name}/"


def _write_report(
    verdict: Verdict, outcomes: Sequence[Outcome], runs: list[dict[str, Any]]
) -> None:
    report = {
        **asdict(verdict),
        "line": verdict.line,
        "dag_runs": runs,
        "requests_in_detail": [asdict(one) for one in outcomes],
    }
    REPORT.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _runs(rest: AirflowRest) -> list[dict[str, Any]]:
    """The DAG's runs, once all have ended."""
    deadline = time.monotonic() + AFTER_SECONDS
    while any(run["state"] in ("running", "queued") for run in rest.runs(DAG)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.3)
    wanted = ("dag_run_id", "run_type", "state", "note", "duration")
    return [{name: run[name] for name in wanted} for run in rest.runs(DAG)]


def demo(view: View) -> Verdict:
    """Start, submit, let Airflow work, judge, stop."""
    began = time.monotonic()
    HOME.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        home=HOME, ports=free_ports(), fresh=True, paused=True, linger_seconds=LINGER_SECONDS
    )
    with contextlib.ExitStack() as until_the_end:
        output = until_the_end.enter_context((HOME / "stack.log").open("w"))
        with view.waiting("Starting PostgreSQL, Vault, the practice bank and Airflow"):
            until_the_end.enter_context(stack.running(plan, output=output.fileno()))
            os.environ["BILLCOPY_SETTINGS_FILE"] = str(plan.settings_file)
            rest = _rest(plan)
        view.say(f"Healthy after {time.monotonic() - began:.0f} s; Airflow is {plan.airflow_url}")
        connection = database.connect(settings.load(), database.Login.DESK)
        until_the_end.callback(connection.close)
        entered, outcomes = submit(connection)
        view.say(
            f"{len(entered)} sample requests entered, {len(outcomes)} were refused at the door"
        )
        rest.pause(DAG, paused=False)
        _follow(view, plan, connection, rest, len(entered))
        with view.waiting("Waiting for the DAG run to end"):
            runs = _runs(rest)
        for run in runs:
            view.say(f"DAG run {run['dag_run_id']}: {run['state']}; {run['note']}")
        outcomes += [outcome_of(connection, *one) for one in entered.items()]
        outcomes.sort(key=lambda one: one.reference)
        mails = [
            Mail(recipient=mail.recipient, invoices=mail.invoices)
            for mail in mail_sink.read_mails(plan.mail_folder)
        ]
        verdict = judge(read_expected(SAMPLES / "expected.yaml"), outcomes, mails)
        view.table(outcomes)
        _write_report(verdict, outcomes, runs)
        with view.waiting("Stopping everything"):
            until_the_end.close()
    view.say(f"Mails {plan.mail_folder}, evidence {plan.home / 'evidence'}, report {REPORT}")
    return verdict


def main() -> int:
    """Run the demo; 0 if all was as expected."""
    view = View()
    try:
        verdict = demo(view)
    except (RuntimeError, TimeoutError, httpx.HTTPError) as error:
        view.say(f"[red]The demo could not run: {error}[/]")
        with contextlib.suppress(OSError):
            view.say((HOME / "stack.log").read_text()[-2000:])
        return 1
    except KeyboardInterrupt:
        view.say("Interrupted; everything was stopped.")
        return 130
    view.verdict(verdict)
    return 1 if verdict.differences else 0


if __name__ == "__main__":
    sys.exit(main())
