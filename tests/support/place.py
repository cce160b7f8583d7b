"""One namespace of a test: a NovaCron in it, its children, and what an operator did there."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from typing import Any

from novacron.core import kinds, labels
from novacron.core.manifest import Ref, ref
from tests.support.api_calls import Call
from tests.support.api_client import Client, Manifest
from tests.support.fault_proxy import FaultProxy
from tests.support.waiting import until

_numbers = itertools.count(1)


def small(namespace: str, name: str = "novacron", **spec: Any) -> Manifest:
    """A resource with one pod a workload and Secrets made by somebody else: what most tests need, and light."""
    workload = {"replicas": 1, "autoscaling": {"enabled": False}}
    return {
        "apiVersion": labels.API_VERSION,
        "kind": labels.KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "version": "v10.0.0",
            "environment": "development",
            "database": {"host": "db.example.com", "cidrs": ["10.1.0.0/16"]},
            "redis": {"host": "redis.example.com", "cidrs": ["10.2.0.0/16"]},
            "secrets": {"provider": "Existing"},
            **{part: dict(workload) for part in ("api", "auth", "query", "ml")},
            **spec,
        },
    }


class Place:
    """A namespace of its own.

    Args:
        client: the administrator.
        proxy: the one through which the operator speaks.
    """

    def __init__(self, client: Client, proxy: FaultProxy, name: str = "") -> None:
        self.client = client
        self.proxy = proxy
        self.journal = proxy.journal
        self.namespace = name or f"place-{os.getpid()}-{next(_numbers)}"
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def __str__(self) -> str:
        return self.namespace

    # The resource

    def submit(self, resource: Manifest) -> Manifest:
        return self.client.apply(resource, "kubectl")

    def novacron(self, name: str = "novacron") -> Manifest:
        found = self.client.get("NovaCron", self.namespace, name)
        assert found is not None, f"NovaCron/{name} is not there"
        return found

    def edit(self, spec: Mapping[str, Any], name: str = "novacron") -> Manifest:
        """A merge patch of the spec."""
        return self.client.patch("NovaCron", self.namespace, name, {"spec": dict(spec)})

    def annotate(self, name: str = "novacron", **annotations: str | None) -> Manifest:
        changes = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
        return self.client.patch("NovaCron", self.namespace, name, {"metadata": {"annotations": changes}})

    def condition(self, type_: str, name: str = "novacron") -> Manifest:
        """A condition of the current generation, or an empty one."""
        body = self.novacron(name)
        if body.get("status", {}).get("observedGeneration") != body["metadata"]["generation"]:
            return {}
        found = [item for item in body["status"].get("conditions", []) if item["type"] == type_]
        return found[0] if found else {}

    def until_condition(
        self, type_: str, status: str, reason: str = "", *, name: str = "novacron", seconds: float = 60.0
    ) -> Manifest:
        """The condition, as soon as it has a status, and a reason where one is given."""

        def seen() -> Manifest:
            found = self.condition(type_, name)
            assert found.get("status") == status, found
            assert reason in ("", found["reason"]), found
            return found

        return until(seen, f"{type_} is {status} {reason} in {self.namespace}", seconds)

    def until_ready(self, name: str = "novacron", seconds: float = 90.0) -> Manifest:
        return self.until_condition("Ready", "True", name=name, seconds=seconds)

    # What was made of it

    def children(self, instance: str = "novacron") -> dict[Ref, Manifest]:
        """Everything with the labels of one resource, by reference."""
        selector = labels.owned(instance)
        found = [item for kind in kinds.CHILDREN for item in self.client.list(kind.kind, self.namespace, selector)]
        return {ref(item): item for item in found}

    def child(self, kind: str, name: str) -> Manifest:
        found = self.client.get(kind, self.namespace, name)
        assert found is not None, f"{kind}/{name} is not there"
        return found

    def events(self, reason: str = "") -> list[Manifest]:
        """What the operator said, of one reason where one is given."""
        return [
            event
            for event in self.client.list("Event", self.namespace)
            if event.get("reportingController") == "novacron.io/operator" and reason in ("", event["reason"])
        ]

    # What the operator did

    def mark(self) -> int:
        return self.journal.mark()

    def writes(self, mark: int, *, events: bool = False) -> list[Call]:
        return self.journal.writes(mark, self.namespace, events=events)

    def passes(self, mark: int) -> int:
        """How many passes began."""
        return len(
            self.journal.since(
                mark,
                lambda call: (
                    (call.verb, call.resource, call.namespace) == ("list", kinds.NOVACRON.resource, self.namespace)
                ),
            )
        )

    def complete_pass(self, name: str = "novacron") -> None:
        """Returns when a pass that began after this call has ended: passes over one resource never overlap."""
        for _ in range(2):
            before = self.mark()
            self.annotate(name, tests_novacron_io__poke=str(before))
            until(lambda: self.passes(before), f"a pass over {self.namespace}/{name}", 30)  # noqa: B023

    def until_quiet(self, name: str = "novacron", seconds: float = 60.0) -> None:
        """Returns when a whole pass wrote nothing."""

        def quiet() -> bool:
            before = self.mark()
            self.complete_pass(name)
            return not self.writes(before)

        until(quiet, f"a pass over {self.namespace} that writes nothing", seconds)

    def until_silent(self, rest: float = 3.0, seconds: float = 120.0) -> None:
        """Returns when nothing was asked or written in the namespace for a while: no pass is under way any more."""

        def busy(call: Call) -> bool:
            return call.namespace == self.namespace and call.verb != "watch" and call.resource != kinds.LEASE.resource

        until(lambda: time.monotonic() - self.journal.last_at(busy) >= rest, f"silence in {self.namespace}", seconds)

    def leave(self) -> None:
        """Deletes the resources, so that garbage collection frees the machine for the next test."""
        for body in self.client.list("NovaCron", self.namespace):
            self.client.delete("NovaCron", self.namespace, body["metadata"]["name"])
