"""One workload of one resource, as its builders see it. Pure data and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from novacron.api.v1alpha1 import MlWorkload, NovaCron, Workload
from novacron.core import labels, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Kind, Manifest


@dataclass(frozen=True, slots=True)
class SecretMount:
    """A Secret as read-only files.

    Args:
        group: folder below SECRETS_DIRECTORY.
        items: data key of the Secret and file name, for each file; none: all of it, whatever it holds.
    """

    group: str
    secret: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Component:
    """One enabled workload, or the migration, whose process runs once.

    Args:
        role: api, auth, query, ml or migrate; also the name of its container and its first argument.
        spec: what its pods are like.
        settings: the settings document; a change of it restarts the pods.
        reloaded: a second document, which the process reads again by itself: no restart. Empty: it reads none.
        options: of the command, after its first argument.
        memory_limit: of its container, as a quantity; empty: as the spec has it.
    """

    resource: NovaCron
    capabilities: Capabilities
    role: str
    spec: Workload
    settings: str
    reloaded: str
    mounts: tuple[SecretMount, ...]
    options: tuple[str, ...] = ()
    memory_limit: str = ""

    @property
    def serves(self) -> bool:
        """Whether it answers requests: it has ports, probes and company then, and knows the keys of its callers."""
        return self.role in names.WORKLOADS

    @property
    def ml(self) -> MlWorkload | None:
        return self.resource.spec.ml if self.role == "ml" else None

    @property
    def name(self) -> str:
        return names.component(self.resource.metadata.name, self.role)

    @property
    def selector(self) -> dict[str, str]:
        return labels.selector(self.resource.metadata.name, self.role)

    @property
    def container_ports(self) -> dict[str, int]:
        """Named ports of the container."""
        ports = {"http": self.spec.ports.http}
        if self.role == "auth":
            ports["internal"] = self.resource.spec.auth.ports.internal
        return ports | {"metrics": self.spec.ports.metrics}

    def manifest(self, kind: Kind, name: str = "", **fields: Any) -> Manifest:
        """An object of this workload; named after it unless another name is given."""
        return manifest(self.resource, kind, name or self.name, self.role, **fields)


def manifest(
    resource: NovaCron,
    kind: Kind,
    name: str,
    component: str = labels.STACK,
    extra_labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **fields: Any,
) -> Manifest:
    """A child of the resource: labelled, owned, in its namespace."""
    meta = resource.metadata
    metadata: Manifest = {
        "name": name,
        "namespace": meta.namespace,
        "labels": (extra_labels or {}) | labels.child(meta.name, component, resource.spec.version),
        "ownerReferences": [
            {
                "apiVersion": labels.API_VERSION,
                "kind": labels.KIND,
                "name": meta.name,
                "uid": meta.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields}
