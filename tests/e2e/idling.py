"""Five minutes in which nobody touches the sample: who writes, what restarts, what warns."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from novacron.core.manifest import at
from tests.support.living import HOME
from tests.support.lodging import Sample

_SECONDS = 300.0
_EVERY = 1.0


@dataclass
class Idle:
    """What is seen of the sample.

    Args:
        writes: requests of the operator's account that were meant to change something, its lease left out.
        restarts: containers that were started again, or pods that are others than at the beginning.
        warnings: events of type Warning about the sample or the operator.
    """

    sample: Sample
    seconds: float = 0.0
    writes: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    renewals: int = 0

    def watch(self) -> Idle:
        """Looks on for five minutes; ends early only when something was seen that should not be."""
        started = time.monotonic()
        audit = self.sample.living.node.audit
        first, begun = self._containers(), audit.position()
        heard = {_key(event) for event in self._warnings()}
        while (now := time.monotonic() - started) < _SECONDS:
            self.restarts = sorted(set(self._containers()) ^ set(first))
            self.warnings = [event["message"] for event in self._warnings() if _key(event) not in heard]
            calls = [call for call in audit.since(begun) if self._touches(call)]
            self.writes = [str(call) for call in calls if call.resource != "leases"]
            self.renewals = sum(1 for call in calls if call.resource == "leases")
            if self.restarts or self.warnings or self.writes:
                break
            time.sleep(_EVERY)
        self.seconds = now
        return self

    def _touches(self, call: Any) -> bool:
        return bool(call.writes) and call.namespace in ("", HOME, self.sample.namespace)

    def _containers(self) -> list[str]:
        """Every container of the sample and of the operator, with how often it was started."""
        client = self.sample.client
        return [
            f"{pod['metadata']['name']}/{container['name']} started {1 + container['restartCount']} times"
            for namespace in (HOME, self.sample.namespace)
            for pod in client.list("Pod", namespace)
            for container in at(pod, "status", "containerStatuses", default=[])
        ]

    def _warnings(self) -> list[dict[str, Any]]:
        found = []
        for namespace in (HOME, self.sample.namespace):
            listed = self.sample.client.request("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
            found += [event for event in listed if event["type"] == "Warning"]
        return found


def _key(event: dict[str, Any]) -> tuple[str, int]:
    """A repeated event is the same object with a higher count."""
    return event["metadata"]["uid"], event.get("count") or at(event, "series", "count", default=1)
