"""Requests to the API server as Kubernetes names them, and a journal of them."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WRITES = frozenset({"create", "update", "apply", "patch", "delete", "deletecollection"})
_VERBS = {"POST": "create", "PUT": "update", "DELETE": "delete"}


@dataclass(slots=True)
class Call:
    """One request.

    Args:
        verb: of Kubernetes, but for ``apply``, which is a server-side apply.
        resource: ``deployments.apps``; empty for what is no object: discovery, ``/version``.
        code: HTTP status; 0 as long as there is none.
        at: monotonic seconds of its arrival.
    """

    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str
    path: str
    at: float = field(default_factory=time.monotonic)
    code: int = 0

    @property
    def is_write(self) -> bool:
        """Whether it changes something that is the operator's work: its own Lease is not."""
        return self.verb in WRITES and self.resource not in ("leases.coordination.k8s.io", _REVIEW)

    def __str__(self) -> str:
        target = "/".join(part for part in (self.resource or self.path, self.name, self.subresource) if part)
        return f"{self.verb} {target} {self.code}"


_REVIEW = "selfsubjectaccessreviews.authorization.k8s.io"
Match = Callable[[Call], bool]


def anything(_call: Call) -> bool:
    return True


def to(*resources: str, verbs: tuple[str, ...] = ()) -> Match:
    """Calls of some resources, and of some verbs where any are given."""

    def matches(call: Call) -> bool:
        return (not resources or call.resource in resources) and (not verbs or call.verb in verbs)

    return matches


def parse(method: str, path: str, query: Mapping[str, str], content_type: str) -> Call:
    """Reads a request of the Kubernetes API."""
    parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, rest = "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, rest = parts[1], parts[3:]
    else:
        return Call("get", "", "", "", "", path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource = f"{rest[0]}.{group}" if group else rest[0]
    name, subresource = (*rest[1:], "", "")[:2]
    return Call(_verb(method, query, content_type, name), resource, namespace, name, subresource, path)


def _verb(method: str, query: Mapping[str, str], content_type: str, name: str) -> str:
    if method == "GET":
        if query.get("watch") in ("1", "true"):
            return "watch"
        return "get" if name else "list"
    if method == "PATCH":
        return "apply" if "apply-patch" in content_type else "patch"
    if method == "DELETE" and not name:
        return "deletecollection"
    return _VERBS[method]


class Journal:
    """All calls in the order of their arrival. Written by one thread, read by others."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        self._calls.append(call)

    def mark(self) -> int:
        """A place to count from."""
        return len(self._calls)

    def since(self, mark: int, matches: Match = anything) -> list[Call]:
        return [call for call in self._calls[mark:] if matches(call)]

    def last_at(self, matches: Match) -> float:
        """When the last of some calls arrived, in monotonic seconds; minus infinity where there was none."""
        return next((call.at for call in reversed(self._calls) if matches(call)), float("-inf"))

    def writes(self, mark: int = 0, namespace: str = "", *, events: bool = False) -> list[Call]:
        """Writes, without those of the Lease, and of Events unless asked for; of one namespace where one is given."""
        return [
            call
            for call in self._calls[mark:]
            if call.is_write
            and (not namespace or call.namespace == namespace)
            and (events or not call.resource.startswith("events"))
        ]
