"""Manifests as plain data: what identifies one, and how to look inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""A complete Kubernetes object as JSON-like data."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of the API server: what its path is made of."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """``deployments.apps``, the name that kubectl and RBAC use."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One object of one namespace; unique within an API server."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def ref(manifest: Manifest) -> Ref:
    meta = manifest["metadata"]
    return Ref(manifest["kind"], meta.get("namespace", ""), meta["name"])


def at(manifest: Any, *path: str, default: Any = None) -> Any:
    """The value at a path of mapping keys, or the default where any step is absent."""
    for key in path:
        if not isinstance(manifest, dict) or key not in manifest:
            return default
        manifest = manifest[key]
    return manifest


def owner_uids(manifest: Manifest) -> Sequence[str]:
    return [owner["uid"] for owner in at(manifest, "metadata", "ownerReferences", default=[])]
