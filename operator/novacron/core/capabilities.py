"""What a cluster can do, as far as manifests depend on it. Gathered once and handed to the builders as data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from novacron.core import kinds, labels
from novacron.core.manifest import Kind

NEIGHBOURS: dict[str, tuple[Kind, ...]] = {
    "external-secrets": (kinds.SECRET_STORE, kinds.EXTERNAL_SECRET),
    "gateway-api": (kinds.HTTP_ROUTE,),
    "prometheus-operator": (kinds.SERVICE_MONITOR, kinds.PROMETHEUS_RULE),
}
CUSTOM_METRICS = "custom-metrics"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One API server's version and optional APIs, and where the operator itself runs.

    Args:
        server: major and minor version.
        kinds: optional kinds that are served.
        custom_metrics: whether custom.metrics.k8s.io lists ``pods/http_requests_per_second``.
    """

    server: tuple[int, int] = (1, 36)
    kinds: frozenset[Kind] = frozenset(kinds.OPTIONAL_CHILDREN)
    custom_metrics: bool = False
    operator_namespace: str = labels.OPERATOR_NAMESPACE

    def serves(self, kind: Kind) -> bool:
        return kind not in kinds.OPTIONAL_CHILDREN or kind in self.kinds

    def at_least(self, minor: int) -> bool:
        """Whether the server is Kubernetes 1.``minor`` or newer."""
        return self.server >= (1, minor)

    def missing(self) -> tuple[str, ...]:
        """Neighbours of which a kind is not served, by the names that ``--have`` takes."""
        return tuple(name for name, wanted in NEIGHBOURS.items() if not self.kinds.issuperset(wanted))


def having(neighbours: Collection[str], server: tuple[int, int], operator_namespace: str) -> Capabilities:
    """Capabilities of a cluster that is only described, for ``novacron render``.

    Raises:
        ValueError: an unknown neighbour, named with the known ones.
    """
    known = (*NEIGHBOURS, CUSTOM_METRICS)
    unknown = sorted(set(neighbours) - set(known))
    if unknown:
        raise ValueError(f"--have {','.join(unknown)}: unknown; known are {', '.join(known)}")
    served = frozenset(kind for name in neighbours for kind in NEIGHBOURS.get(name, ()))
    return Capabilities(server, served, CUSTOM_METRICS in neighbours, operator_namespace)
