"""What a DAG run is asked for, and the note it leaves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billcopy.model import Selection
from tests.airflow_fixtures import import_airflow

import_airflow()
from billcopy.airflow_parts import delivery_run  # noqa: E402

START, END = datetime(2026, 1, 1, 8, tzinfo=UTC), datetime(2026, 1, 1, 8, 15, tzinfo=UTC)
NOTHING = dict.fromkeys(
    ("requests", "delivered", "partial", "rejected", "failed", "held", "in_doubt", "queued"), 0
)


@pytest.mark.parametrize("run_type", ["scheduled", "asset_triggered"])
def test_a_run_of_the_timetable_takes_whatever_waits(airflow_context, run_type) -> None:
    context = airflow_context(run_type=run_type, data_interval_start=START, data_interval_end=END)
    assert not delivery_run.wish_of(context).is_selective


def test_a_run_by_hand_with_an_empty_form_takes_whatever_waits(airflow_context) -> None:
    assert not delivery_run.wish_of(airflow_context(run_type="manual")).is_selective


def test_a_backfill_means_its_interval(airflow_context) -> None:
    context = airflow_context(run_type="backfill", data_interval_start=START, data_interval_end=END)
    wish = delivery_run.wish_of(context)
    assert wish.selection == Selection(received_from=START, received_to=END)
    assert wish.states == ("failed", "partial")


def test_a_form_means_what_was_filled_in(airflow_context) -> None:
    form = {
        "request_ids": "3, 4",
        "received_from": "2026-01-01T08:00:00+00:00",
        "states": ["rejected"],
        "limit": 7,
        "dry_run": True,
    }
    wish = delivery_run.wish_of(airflow_context(run_type="manual", params=form))
    assert wish.selection == Selection(request_ids=(3, 4), received_from=START)
    assert (wish.states, wish.limit, wish.dry_run) == (("rejected",), 7, True)


def test_the_actor_is_the_person_who_pressed_the_button(airflow_context) -> None:
    assert delivery_run.actor_of(airflow_context(user="mary")) == "mary"
    assert delivery_run.actor_of(airflow_context()) == "airflow"


@pytest.mark.parametrize(
    ("counts", "why", "more", "note"),
    [
        (
            {"requests": 25, "delivered": 22, "rejected": 2, "partial": 1},
            None,
            0,
            "delivered 22, could not be sent 3, to check 0",
        ),
        (
            {"requests": 3, "delivered": 1, "failed": 1, "held": 1, "in_doubt": 1},
            "the portal was stopped",
            12,
            "delivered 1, could not be sent 1, to check 2. the portal was stopped. 12 more wait",
        ),
        ({}, "Nothing to do: no request waits.", 0, "Nothing to do: no request waits"),
        ({}, None, 0, "no request was worked on"),
    ],
)
def test_the_note_counts_and_says_why(counts, why, more, note) -> None:
    assert delivery_run.note_of({**NOTHING, **counts}, why=why, more=more) == note
