"""Queries of one resource's metrics, for its alerts and its dashboard. Pure.

The rules rely on the PodMonitor of manifests/monitoring, which leaves the labels ``namespace`` and ``name`` of the
operator's metrics as they are (honorLabels).
"""

from __future__ import annotations

from collections.abc import Sequence

from novacron.api.v1alpha1 import NovaCron
from novacron.core import names

UNCOUNTED = ("/health", "/ready", "/metrics")
"""Routes of kubelet and Prometheus: while nobody asks for anything, they are all the traffic there is."""
FAILED = 'code=~"5.."'
_SCRAPES = 4
"""How many scrapes a rate looks back at least; two are needed, and some may fail."""


def equal(**matched: str) -> str:
    return ",".join(f'{label}="{value}"' for label, value in matched.items())


def mine(resource: NovaCron) -> str:
    """Matchers of the metrics that name the resource."""
    return equal(namespace=resource.metadata.namespace, name=resource.metadata.name)


def services(resource: NovaCron, roles: Sequence[str]) -> str:
    """Matchers of the metrics of some workloads; ``-internal`` has the metrics of one that faces the outside."""
    service = f"{resource.metadata.name}-({'|'.join(roles)})(-internal)?"
    return f'namespace="{resource.metadata.namespace}",service=~"{service}"'


def http(resource: NovaCron, roles: Sequence[str] = names.WORKLOADS, left_out: Sequence[str] = UNCOUNTED) -> str:
    """Matchers of the HTTP metrics of some workloads."""
    return f'{services(resource, roles)},route!~"{"|".join(left_out)}"'


def window(resource: NovaCron) -> str:
    """Five minutes, or more where Prometheus comes seldom."""
    seconds = max(300, _SCRAPES * resource.spec.monitoring.service_monitor.interval.seconds)
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def per_service(counter: str, window: str) -> str:
    return f"sum by (service) (rate({counter}[{window}]))"


def requests(resource: NovaCron, *more: str) -> str:
    """Requests per second of each service."""
    return per_service(f"http_requests_total{{{','.join((http(resource), *more))}}}", window(resource))


def percentile(chosen: str, percent: int, window: str) -> str:
    """Seconds, of each service."""
    buckets = f"sum by (service, le) (rate(http_request_duration_seconds_bucket{{{chosen}}}[{window}]))"
    return f"histogram_quantile({percent / 100}, {buckets})"
