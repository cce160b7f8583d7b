"""The metrics that every workload has. Labels never hold a user, an id or a raw path."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from novacron.adapters import memory
from novacron.core.dependencies import Finding

UNMATCHED = "(unmatched)"
"""Route of a request that no route matches."""
OTHER_METHOD = "OTHER"
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Telemetry:
    """Everything a workload counts; one for a process, without global state."""

    def __init__(self, role: str) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests", "Requests answered.", ["route", "method", "code"], registry=self.registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge("http_requests_in_flight", "Requests being answered.", registry=self.registry)
        self._up = Gauge(
            "novacron_dependency_up", "1 while a dependency can be used.", ["dependency"], registry=self.registry
        )
        self._reloads = Counter(
            "novacron_reloads",
            "Changes of mounted files that were taken over, or refused and left.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self._loaded = Gauge(
            "novacron_loaded_timestamp_seconds",
            "When the mounted files in use were taken over.",
            ["source"],
            registry=self.registry,
        )
        self.lag = Histogram(
            "novacron_event_loop_lag_seconds",
            "How much later than asked for the event loop comes back.",
            buckets=_LAG_SECONDS,
            registry=self.registry,
        )
        build = Gauge(
            "novacron_build_info", "Always 1; which program this is.", ["version", "role"], registry=self.registry
        )
        build.labels(version("novacron"), role).set(1)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Resources())

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._request(route, method if method in _METHODS else OTHER_METHOD, status).inc()
        self._length(route).observe(seconds)

    @functools.cache  # noqa: B019 - one Telemetry lives as long as its process; bound by routes x methods x statuses
    def _request(self, route: str, method: str, status: int) -> Counter:
        return self._requests.labels(route, method, str(status))

    @functools.cache  # noqa: B019 - as above
    def _length(self, route: str) -> Histogram:
        return self._duration.labels(route)

    def found(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._up.labels(finding.name).set(finding.state != "down")

    def reloaded(self, source: str, moment: float) -> None:
        """Args:
        moment: seconds since the epoch.
        """
        self._reloads.labels(source, "applied").inc()
        self._loaded.labels(source).set(moment)

    def reload_refused(self, source: str) -> None:
        self._reloads.labels(source, "refused").inc()

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


class _Resources(Collector):
    """Threads, and the memory of the container as its cgroup counts it; no sample where there is none."""

    def collect(self) -> Iterator[Metric]:
        threads = sum(1 for _ in _TASKS.iterdir()) if _TASKS.is_dir() else None
        yield _gauge("novacron_threads", "Threads of the process.", threads)
        yield _gauge("novacron_memory_used_bytes", "Memory that the container uses.", memory.usage())
        bound = memory.limit()
        yield _gauge("novacron_memory_limit_bytes", "Memory that the container may use; none: no limit.", bound)


_TASKS = Path("/proc/self/task")


def _gauge(name: str, documentation: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
