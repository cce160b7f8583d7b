"""What ml counts. Labels are closed lists: outcomes, and formats of bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Outcome = Literal["ok", "refused", "memory", "disk", "cancelled", "failed"]
OUTCOMES: Mapping[Outcome, str] = {
    "ok": "It was answered.",
    "refused": "The body cannot be read, or a bad line was not to be passed over.",
    "memory": "It would have taken more memory than there is.",
    "disk": "It would have taken more disk than it may.",
    "cancelled": "The client left or was too slow, or the process ended.",
    "failed": "A defect.",
}
Gauged = Literal[
    "memory_bytes", "memory_budget_bytes", "jobs_running", "jobs_waiting", "places", "spill_bytes", "spill_limit_bytes"
]
GAUGES: Mapping[Gauged, str] = {
    "memory_bytes": "Memory that the process uses, as its budget counts it.",
    "memory_budget_bytes": "Memory that the process may use.",
    "jobs_running": "Jobs that run.",
    "jobs_waiting": "Jobs that wait for a place.",
    "places": "Jobs that may run at once.",
    "spill_bytes": "Disk that jobs use.",
    "spill_limit_bytes": "Disk that jobs may use.",
}
_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600)


class Counts:
    """Of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._jobs = Counter("novacron_ml_jobs", "Jobs that ended, by outcome.", ["outcome"], registry=registry)
        for outcome in OUTCOMES:  # a rate needs the 0 that it begins with
            self._jobs.labels(outcome)
        self._seconds = Histogram(
            "novacron_ml_job_seconds",
            "Time of one job, from its place to its answer.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._turned_away = Counter(
            "novacron_ml_turned_away", "Requests that were told to come again later (429).", registry=registry
        )
        self._rows = Counter("novacron_ml_rows", "Rows that were taken in.", registry=registry)
        self._bytes = Counter("novacron_ml_bytes", "Bytes of bodies that came, as they were sent.", registry=registry)
        self._chunk_rows = Gauge("novacron_ml_chunk_rows", "Rows of the last chunk.", registry=registry)
        self.turned_away = self._turned_away.inc
        self.came = self._bytes.inc

    def took(self, rows: int) -> None:
        """One chunk."""
        self._rows.inc(rows)
        self._chunk_rows.set(rows)

    def ended(self, outcome: Outcome, seconds: float) -> None:
        self._jobs.labels(outcome).inc()
        self._seconds.observe(seconds)

    def watch(self, values: Mapping[Gauged, Callable[[], float]]) -> None:
        """Shows each value as it is when it is asked for."""
        for name, text in GAUGES.items():
            Gauge(f"novacron_ml_{name}", text, registry=self._registry).set_function(values[name])
