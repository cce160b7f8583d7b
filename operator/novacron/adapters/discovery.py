"""Which APIs a server serves: asked before kinds that may be absent are read or written."""

from __future__ import annotations

import re

from novacron.adapters.kube import ApiError, Kube, NotFound, Unreachable
from novacron.core import kinds
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, at

_CUSTOM_METRICS = "/apis/custom.metrics.k8s.io/v1beta1"


class VersionUnreadable(Unreachable):
    """``/version`` answers, but not as an API server does; asked again it may."""


async def capabilities(kube: Kube, operator_namespace: str, metrics: bool | None = None) -> Capabilities:
    """Asks the server.

    Args:
        metrics: whether custom metrics are there, where that was asked already.

    Raises:
        ApiError: it does not answer; also while it starts and does not know all of its APIs yet.
    """
    if metrics is None:
        metrics = await custom_metrics(kube) or False
    version = await kube.read("/version")
    served: set[Kind] = set()
    for group_version in sorted({kind.api_version for kind in kinds.OPTIONAL_CHILDREN}):
        names = await _resources(kube, f"/apis/{group_version}")
        served |= {
            kind for kind in kinds.OPTIONAL_CHILDREN if kind.api_version == group_version and kind.plural in names
        }
    return Capabilities(server_version(version), frozenset(served), metrics, operator_namespace)


def server_version(version: object) -> tuple[int, int]:
    """Major and minor from ``/version``; some vendors append to the minor: ``34+``, ``34.1``.

    Raises:
        VersionUnreadable: what answered is no API server, or hides its version.
    """
    parts = [re.match("[0-9]{1,4}", str(at(version, key, default=""))) for key in ("major", "minor")]
    if parts[0] is None or parts[1] is None:
        text = "/version names no major and minor version; check that the address is that of a Kubernetes API server"
        raise VersionUnreadable(0, "VersionUnreadable", text)
    return int(parts[0][0]), int(parts[1][0])


async def custom_metrics(kube: Kube) -> bool | None:
    """Whether ``pods/http_requests_per_second`` is listed; None while the adapter behind that API is away."""
    try:
        return "pods/http_requests_per_second" in await _resources(kube, _CUSTOM_METRICS)
    except ApiError as error:
        if error.code == 503:
            return None
        raise


async def serves(kube: Kube, kind: Kind) -> bool:
    return kind.plural in await _resources(kube, f"/apis/{kind.api_version}")


async def _resources(kube: Kube, url: str) -> frozenset[str]:
    try:
        answer = await kube.read(url)
    except NotFound:
        return frozenset()
    return frozenset(resource["name"] for resource in answer.get("resources", ()))
