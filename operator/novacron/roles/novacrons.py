"""The NovaCrons of a namespace, as commands read them: a cluster without the resource is told apart."""

from __future__ import annotations

from novacron.adapters.kube import Kube, NotFound
from novacron.core import kinds
from novacron.core.manifest import Manifest


class NotInstalled(NotFound):
    """The API server does not serve NovaCrons."""


async def novacrons(kube: Kube, namespace: str) -> tuple[Manifest, ...]:
    """All of a namespace; none where the namespace does not exist.

    Raises:
        NotInstalled: the CustomResourceDefinition is missing.
    """
    try:
        return (await kube.list(kinds.NOVACRON, namespace)).items
    except NotFound as error:
        text = (
            "the cluster has no CustomResourceDefinition of NovaCron; "
            "install it: kubectl apply --server-side -f crds/novacron.yaml"
        )
        raise NotInstalled(error.code, error.reason, text) from error
