"""`/metrics`: the last pass in Prometheus' text format; without personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

from billcopy.watch.passes import Look

__all__ = ["CONTENT_TYPE", "FIGURES", "exposition"]

# Name, labels (of `portal` and `state`), and what it says. A test holds docs/alarms.md to it.
FIGURES: dict[str, tuple[dict[str, str], str]] = {
    "requests": ({"portal": "portal", "state": "state"}, "Requests by state."),
    "deliveries": ({"portal": "portal", "state": "state"}, "Deliveries by state."),
    "oldest_queued_seconds": ({"portal": "portal"}, "Wait of the oldest request that is due."),
    "oldest_in_doubt_seconds": ({"portal": "portal"}, "Age of the oldest delivery in doubt."),
    "last_confirmed_timestamp_seconds": ({"portal": "portal"}, "When the last bill was confirmed."),
    "breaker_open": ({"portal": "portal"}, "1 while the breaker keeps the portal closed."),
    "portal_stopped": ({"portal": "portal"}, "1 while the stop switch is thrown."),
    "bot_runs_at_work": ({"portal": "portal"}, "Bot runs that have not ended."),
    "bot_runs_total": ({"portal": "portal", "state": "stop_reason"}, "Bot runs by how they ended."),
    "rescues_total": ({"portal": "portal"}, "Requests taken back from a dead bot."),
    "sign_of_life_timestamp_seconds": ({"state": "program"}, "When a program last said it works."),
    "alarms_open": ({"state": "severity"}, "Open alarms by severity."),
    "alarm_notices_untold": ({}, "Notices that a channel has not taken yet."),
}


class _Figures:
    """What prometheus_client asks at each scrape."""

    def __init__(self, look: Callable[[], Look | None]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """The last pass, as metrics."""
        look = self._look()
        well = GaugeMetricFamily("billcopy_watch_ok", "1 if the last pass could look.")
        well.add_metric([], float(look is not None and look.problem is None))
        yield well
        if look is None:
            return
        passed = GaugeMetricFamily(
            "billcopy_watch_last_pass_timestamp_seconds", "When the watch last looked."
        )
        passed.add_metric([], look.at)
        yield passed
        free = GaugeMetricFamily(
            "billcopy_disk_free_bytes", "Room on a volume of this machine.", labels=["folder"]
        )
        for room in look.rooms:
            free.add_metric([room.name], room.free_bytes)
        yield free
        for name, (labels, words) in FIGURES.items():
            yield _metric(name, labels, words, look)


def _metric(name: str, labels: dict[str, str], words: str, look: Look) -> Metric:
    family: Any = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    metric = family(f"billcopy_{name.removesuffix('_total')}", words, labels=list(labels.values()))
    for one in look.figures:
        if one["figure"] == name:
            metric.add_metric([str(one[column]) for column in labels], one["value"])
    found: Metric = metric
    return found


def exposition(look: Callable[[], Look | None]) -> Callable[[], bytes]:
    """A function that gives the text of a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(look))
    return lambda: generate_latest(registry)
