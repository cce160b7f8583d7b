"""The operator's metrics. Labels never hold a user, an id or a path."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from novacron.core.conditions import Condition

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """Everything the operator counts; one for a process, without global state."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter("novacron_reconcile", "Passes by outcome.", ["outcome"], registry=self.registry)
        self.duration = Histogram(
            "novacron_reconcile_duration_seconds", "Length of a pass.", buckets=_SECONDS, registry=self.registry
        )
        self.queue_depth = Gauge("novacron_queue_depth", "Resources that wait for a pass.", registry=self.registry)
        self.queue_oldest = Gauge(
            "novacron_queue_oldest_seconds", "How long the longest waiting resource is overdue.", registry=self.registry
        )
        self.watch_healthy = Gauge(
            "novacron_watch_healthy",
            "1 while the watch of a kind follows the API server.",
            ["kind"],
            registry=self.registry,
        )
        self.condition = Gauge(
            "novacron_condition",
            "1 for the status that a condition has.",
            ["namespace", "name", "type", "status"],
            registry=self.registry,
        )
        self.requests = Counter(
            "novacron_api_requests",
            "Requests to the API server; code 0: no answer.",
            ["verb", "code"],
            registry=self.registry,
        )
        self.leader = Gauge("novacron_leader", "1 while this process holds the lease.", registry=self.registry)
        self.repairs = Counter(
            "novacron_drift_repairs", "Writes that undid somebody else's change.", ["kind"], registry=self.registry
        )
        self.signing_key = Gauge(
            "novacron_signing_key_timestamp_seconds",
            "Since when the key that signs access tokens does, in seconds since the epoch.",
            ["namespace", "name"],
            registry=self.registry,
        )
        self.upkeep_failed = Gauge(
            "novacron_upkeep_failed",
            "1 while the last upkeep of the database's partitions did not succeed.",
            ["namespace", "name"],
            registry=self.registry,
        )
        self._shown: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}

    def observe_request(self, verb: str, code: int, _seconds: float) -> None:
        self.requests.labels(verb, str(code)).inc()

    def show(self, namespace: str, name: str, conditions: Iterable[Condition]) -> None:
        """Replaces what is shown of one resource. That the upkeep failed is no status, as it takes nothing away yet."""
        told = tuple(conditions)
        now = frozenset((item.type, item.status) for item in told)
        self.upkeep_failed.labels(namespace, name).set(any(item.reason == "UpkeepFailed" for item in told))
        for type_, status in self._shown.get((namespace, name), frozenset()) - now:
            self.condition.remove(namespace, name, type_, status)
        for type_, status in now:
            self.condition.labels(namespace, name, type_, status).set(1)
        self._shown[namespace, name] = now

    def hide(self, namespace: str, name: str) -> None:
        self.signing_key.remove(namespace, name)
        self.show(namespace, name, ())
        self.upkeep_failed.remove(namespace, name)
        self._shown.pop((namespace, name), None)

    def hide_all(self) -> None:
        for namespace, name in tuple(self._shown):
            self.hide(namespace, name)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
