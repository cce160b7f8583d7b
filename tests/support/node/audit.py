"""What the operator's account asked of the API server, from the server's own audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WRITES = ("create", "update", "patch", "delete", "deletecollection")


def policy(user: str) -> Mapping[str, Any]:
    """Every request of one user, without bodies; nobody else's."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata", "users": [user]}, {"level": "None"}],
    }


@dataclass(frozen=True, slots=True)
class Request:
    """One answered request."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    at: str
    pod: str

    @property
    def writes(self) -> bool:
        return self.verb in _WRITES

    def __str__(self) -> str:
        return f"{self.at} {self.pod}: {self.verb} {self.resource} {self.namespace}/{self.name} ({self.code})"


class AuditLog:
    """Args:
    file: the API server writes it, a JSON document a line.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def position(self) -> int:
        """Where the log ends now; for ``since``."""
        return self._file.stat().st_size if self._file.exists() else 0

    def since(self, position: int) -> Sequence[Request]:
        """What was answered after that position."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as log:
            log.seek(position)
            lines = log.read().rpartition(b"\n")[0].splitlines()
        return [_request(json.loads(line)) for line in lines]


def _request(event: Mapping[str, Any]) -> Request:
    where = event.get("objectRef", {})
    resource = "/".join(part for part in (where.get("resource", ""), where.get("subresource", "")) if part)
    return Request(
        event["verb"],
        resource or event["requestURI"].partition("?")[0],
        where.get("namespace", ""),
        where.get("name", ""),
        event.get("responseStatus", {}).get("code", 0),
        event["requestReceivedTimestamp"],
        next(iter(event["user"].get("extra", {}).get("authentication.kubernetes.io/pod-name", ())), ""),
    )
