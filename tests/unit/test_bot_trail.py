"""The trail of an attempt: bounded, in order, and ending where it stopped."""

from __future__ import annotations

from pathlib import Path

from billcopy.bot.trail import MOST_STEPS, Place, Trail

FLOW = Place(keyword="Send One Copy", file=Path("deliver.resource"), line=36)
PAGE = Place(keyword="Open Send Form", file=Path("deliver.resource"), line=48)
HELPER = Place(keyword="The Page Should Be", file=Path("sending.resource"), line=15)
CLICK = Place(keyword="Click", file=Path("sending.resource"), line=16)


def test_what_ended_is_a_step_and_helpers_are_not() -> None:
    trail = Trail()
    trail.entered(PAGE)
    trail.entered(HELPER)
    trail.left(passed=True, is_step=False)
    trail.left(passed=False, is_step=True)
    [row] = trail.steps()
    assert (row["step"], row["kind"]) == ("Open Send Form", "keyword")
    assert row["detail"]["status"] == "failed"
    assert row["ago"] >= 0


def test_it_knows_where_it_stopped_and_how_it_came_there() -> None:
    trail = Trail()
    trail.entered(FLOW)
    trail.entered(PAGE)
    trail.stopped(CLICK, library="Browser", arguments=['role=link[name="E-mail copy"]'])
    assert trail.stop is not None
    assert str(trail.stop.place) == "Click (sending.resource:16)"
    assert [place.keyword for place in trail.stop.through] == ["Send One Copy", "Open Send Form"]


def test_the_last_failure_counts_and_a_new_attempt_forgets_it() -> None:
    trail = Trail()
    trail.stopped(HELPER, library="Outcomes", arguments=[])
    trail.stopped(CLICK, library="Browser", arguments=["x" * 5000])
    assert trail.stop is not None
    assert trail.stop.place == CLICK
    assert len(trail.stop.expected[0]) == 200
    trail.clear()
    assert trail.stop is None
    assert trail.steps() == []


def test_a_keyword_that_began_before_the_attempt_does_no_harm() -> None:
    trail = Trail()
    trail.left(passed=True, is_step=True)
    assert trail.steps() == []


def test_a_thousand_keywords_leave_a_bounded_number_of_rows() -> None:
    trail = Trail()
    for _ in range(MOST_STEPS + 7):
        trail.note("Find Account", began=0.0, passed=True)
    rows = trail.steps()
    assert len(rows) == MOST_STEPS + 1
    assert rows[-1]["detail"] == {"left_out": 7}
