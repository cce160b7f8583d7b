"""Everything that one resource should have, complete. Pure: the same input gives the same manifests."""

from __future__ import annotations

from collections.abc import Mapping

from novacron.api.v1alpha1 import NovaCron
from novacron.auth import desired as auth
from novacron.auth.domain import ring_document
from novacron.core import kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest, Ref, ref
from novacron.core.plan import Wanted
from novacron.stack import capacity, edges, exposure, migration, monitoring, settings
from novacron.vault import desired as vault
from novacron.workload import objects
from novacron.workload.component import Component, manifest

_NO_LIVE: Mapping[Ref, Manifest] = {}


def wanted(
    resource: NovaCron,
    capabilities: Capabilities,
    live: Mapping[Ref, Manifest] = _NO_LIVE,
    key_set: str = auth.NO_KEYS,
    memory_limit: str = "",
) -> Wanted:
    """All children, as they are once everything has had its turn (stack/migration.py).

    Args:
        live: what is there; decides only how an ExternalSecret leaves.
        key_set: the public signing keys, which are state of the cluster.
        memory_limit: of ml, as right-sizing learned it, which is state of the cluster as well; empty: as the spec has
            it.
    """
    bits = _accepted_bits(resource, key_set)
    components = [
        _component(resource, capabilities, role, bits, memory_limit if role == "ml" else "")
        for role in _enabled(resource)
    ]
    manifests = [item for component in components for item in objects.children(component)]
    manifests += migration.children(resource, capabilities)
    manifests += [auth.jwks(resource, key_set), *edges.policies(resource, capabilities), *_governance(resource)]
    manifests += vault.children(resource, live)
    manifests += exposure.children(resource, capabilities)
    manifests += monitoring.children(resource, capabilities)
    served = tuple(item for item in manifests if capabilities.serves(_kind(item)))
    initial = {
        ref(item): component.spec.min_replicas
        for component in components
        if component.spec.autoscaling.enabled
        for item in manifests
        if item["kind"] == "Deployment" and item["metadata"]["name"] == component.name
    }
    return Wanted(served, initial)


def _kind(item: Manifest) -> Kind:
    return kinds.BY_KIND[item["kind"]]


def _enabled(resource: NovaCron) -> list[str]:
    return [role for role, workload in resource.spec.workloads.items() if workload.enabled]


def _accepted_bits(resource: NovaCron, key_set: str) -> int:
    """The smallest key that verifies: a higher auth.jwt.minKeySize counts once no smaller key is needed any more.

    Before that, tokens that live, and new ones of the key that still signs, would be refused everywhere.
    """
    return min([resource.spec.auth.jwt.min_key_size, *(key.bits for key in ring_document.published(key_set))])


def _component(resource: NovaCron, capabilities: Capabilities, role: str, bits: int, memory_limit: str) -> Component:
    return Component(
        resource,
        capabilities,
        role,
        resource.spec.workloads[role],
        settings.settings(resource, role, bits),
        settings.reloaded(resource, role),
        (*vault.mounts(resource, role), *auth.mounts(role)),
        memory_limit=memory_limit,
    )


def _governance(resource: NovaCron) -> list[Manifest]:
    name, bounds, found = resource.metadata.name, resource.spec.governance, []
    if bounds.limit_range.enabled:
        limit = {
            "type": "Container",
            "default": capacity.written(bounds.limit_range.default),
            "defaultRequest": capacity.written(bounds.limit_range.default_request),
            "max": capacity.most(resource),
            "min": capacity.least(resource),
        }
        spec = {"limits": [limit]}
        found.append(manifest(resource, kinds.LIMIT_RANGE, names.component(name, "limits"), spec=spec))
    if bounds.resource_quota.enabled:
        spec_hard = {"hard": capacity.hard(resource)}
        found.append(manifest(resource, kinds.RESOURCE_QUOTA, names.component(name, "quota"), spec=spec_hard))
    return found
