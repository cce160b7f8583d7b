"""What query counts (interfaces.md). Labels are closed lists: names of our questions, and outcomes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OUTCOMES = ("ok", "timeout", "unavailable", "refused", "failed")
"""timeout: PostgreSQL gave it up; unavailable: there was no database; refused: nothing was wrong with the database;
failed: a defect."""
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

    def answered(self, name: str, outcome: str, seconds: float) -> None:
        self._queries.labels(name, outcome).inc()
        self._seconds.labels(name).observe(seconds)


class CacheCounts:
    """Of the answers that are given again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"novacron_query_cache_{name}", text, registry=registry)

        self._hits = counter("hits", "Answers that were kept.")
        self._misses = counter("misses", "Answers that the database was asked for.")
        self._shared = counter("shared", "Answers that somebody else was waiting for already.")
        self._bytes = Gauge("novacron_query_cache_bytes", "Size of the answers that are kept.", registry=registry)

    def hit(self) -> None:
        self._hits.inc()

    def missed(self) -> None:
        self._misses.inc()

    def shared(self) -> None:
        self._shared.inc()

    def hold(self, size: int) -> None:
        self._bytes.set(size)
