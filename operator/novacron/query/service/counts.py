"""What query counts. Labels are closed lists: names of our questions, and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Outcome = Literal["ok", "timeout", "unavailable", "refused", "failed"]
OUTCOMES: Mapping[Outcome, str] = {
    "ok": "It was answered.",
    "timeout": "PostgreSQL gave it up: it took longer than spec.query.statementTimeout.",
    "unavailable": "There was no database to ask, or no connection in time, or the request ended before.",
    "refused": "Nothing was wrong with the database: the client asked for what is not there or not its own.",
    "failed": "A defect.",
}
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Counts:
    """Of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._queries = Counter(
            "novacron_query_queries",
            "Questions put to the database, by name and outcome.",
            ["query", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "novacron_query_duration_seconds",
            "Time of one question, with the wait for a connection.",
            ["query"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._asked = 0
        self._timed_out = 0

        self._samples = Counter(
            "novacron_query_samples",
            "Samples that clients sent, by what became of them.",
            ["outcome"],
            registry=registry,
        )

    def sampled(self, *, accepted: int, duplicate: int, rejected: int) -> None:
        """What became of the samples of one body."""
        self._samples.labels("accepted").inc(accepted)
        self._samples.labels("duplicate").inc(duplicate)
        self._samples.labels("rejected").inc(rejected)

    def answered(self, name: str, outcome: Outcome, seconds: float) -> None:
        self._queries.labels(name, outcome).inc()
        self._seconds.labels(name).observe(seconds)
        self._asked += outcome in ("ok", "timeout")
        self._timed_out += outcome == "timeout"

    def tally(self) -> tuple[int, int]:
        """Questions that PostgreSQL answered or gave up since the start, and those that it gave up."""
        return self._asked, self._timed_out


class CacheCounts:
    """Of the answers that are given again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter(
            "novacron_query_cache_requests",
            "Answers that were kept (hit), asked of the database (miss), or asked already by somebody else (shared).",
            ["outcome"],
            registry=registry,
        )
        self.hit, self.missed, self.shared = (requests.labels(outcome).inc for outcome in ("hit", "miss", "shared"))
        self.hold = Gauge("novacron_query_cache_bytes", "Size of the answers that are kept.", registry=registry).set
