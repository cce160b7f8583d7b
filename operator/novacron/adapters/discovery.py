"""Which APIs a server serves: asked before kinds that may be absent are read or written."""

from __future__ import annotations

from novacron.adapters.kube import ApiError, Kube, NotFound
from novacron.core import kinds
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind

_CUSTOM_METRICS = "/apis/custom.metrics.k8s.io/v1beta1"


async def capabilities(kube: Kube, operator_namespace: str) -> Capabilities:
    """Asks the server. Raises ``ApiError`` where it does not answer."""
    version = await kube.read("/version")
    served: set[Kind] = set()
    for group_version in sorted({kind.api_version for kind in kinds.OPTIONAL_CHILDREN}):
        names = await _resources(kube, f"/apis/{group_version}")
        served |= {
            kind for kind in kinds.OPTIONAL_CHILDREN if kind.api_version == group_version and kind.plural in names
        }
    metrics = "pods/http_requests_per_second" in await _resources(kube, _CUSTOM_METRICS)
    return Capabilities(server_version(version), frozenset(served), metrics, operator_namespace)


def server_version(version: dict[str, str]) -> tuple[int, int]:
    """Major and minor from ``/version``; some vendors append a plus sign to the minor."""
    return int(version["major"].rstrip("+")), int(version["minor"].rstrip("+"))


async def serves(kube: Kube, kind: Kind) -> bool:
    return kind.plural in await _resources(kube, f"/apis/{kind.api_version}")


async def _resources(kube: Kube, url: str) -> frozenset[str]:
    try:
        answer = await kube.read(url)
    except NotFound:
        return frozenset()
    except ApiError as error:
        if error.code == 503:  # an aggregated API whose backend is away is as good as absent
            return frozenset()
        raise
    return frozenset(resource["name"] for resource in answer.get("resources", ()))
