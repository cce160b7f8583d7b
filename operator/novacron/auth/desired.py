"""What authentication needs besides its workload: two Secrets, the published key set, and who mounts what. Pure.

The Secrets are no children: they outlive the resource, so they have no owner and no instance label,
and nothing lists, watches or prunes them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from novacron.api.v1alpha1 import NovaCron
from novacron.core import kinds, labels, names
from novacron.core.manifest import Manifest
from novacron.workload.component import SecretMount, manifest
from novacron.workload.paths import INTERNAL_KEY_FILE, INTERNAL_KEY_GROUP, JWKS_FILE, SIGNING_KEYS_GROUP

NO_KEYS = '{"keys": []}\n'
"""The key set of a resource that has none yet."""


def secret(namespace: str, name: str, files: Mapping[str, bytes]) -> Manifest:
    """A Secret that belongs to the namespace, whichever NovaCron is in it."""
    meta = {
        "name": name,
        "namespace": namespace,
        "labels": {
            labels.NAME: "novacron",
            labels.COMPONENT: "auth",
            labels.MANAGED_BY: labels.MANAGER,
            labels.PART_OF: "novacron",
        },
    }
    data = {file: base64.b64encode(content).decode() for file, content in sorted(files.items())}
    kind = kinds.SECRET
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "type": "Opaque", "data": data}


def jwks(resource: NovaCron, document: str) -> Manifest:
    """Public signing keys. Every workload mounts it, also while there are none."""
    return manifest(resource, kinds.CONFIG_MAP, names.jwks(resource.metadata.name), data={JWKS_FILE: document})


def mounts(role: str) -> tuple[SecretMount, ...]:
    """All know each other by the internal key; auth alone signs. Pods wait until the Secrets are there."""
    internal = SecretMount(INTERNAL_KEY_GROUP, names.INTERNAL_KEY, ((INTERNAL_KEY_FILE, INTERNAL_KEY_FILE),))
    return (internal, SecretMount(SIGNING_KEYS_GROUP, names.SIGNING_KEYS, ())) if role == "auth" else (internal,)
