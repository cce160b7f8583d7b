"""A namespace of a test on the real node, with a living NovaCron: the neighbours' Redis, a database of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from novacron.core import labels
from tests.support.api_client import Manifest
from tests.support.living import Living, sample
from tests.support.node.neighbours.postgresql import USER, Postgres
from tests.support.waiting import until

_numbers = itertools.count(1)
READY_SECONDS = 120.0


class Lodging:
    """``with`` block around a namespace; at its end all of it is deleted.

    Args:
        change: called with the spec before it is applied.
    """

    def __init__(self, living: Living, change: Callable[[dict[str, Any]], None] = lambda _spec: None) -> None:
        self.living = living
        self.client = living.client
        self.namespace = f"lodging-{next(_numbers)}"
        self.name = "novacron"
        self._change = change

    def __enter__(self) -> Lodging:
        # a copy without the aliases of YAML, by which three workloads would be one object
        namespace, resource = json.loads(json.dumps(sample()))
        namespace["metadata"]["name"] = resource["metadata"]["namespace"] = self.namespace
        self.client.create(namespace)
        self.server.create_database(self.namespace)
        for secret in self._secrets():
            self.client.create(secret)
        spec = resource["spec"]
        spec["database"]["name"] = self.namespace
        spec["secrets"] = {"provider": "Existing"} | {key: spec["secrets"][key] for key in ("database", "redis")}
        self._change(spec)
        self.client.create(resource)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.client.delete("Namespace", "", self.namespace)
        self.server.drop_database(self.namespace)

    @property
    def server(self) -> Postgres:
        """Whose database it has."""
        return self.living.neighbours.database

    def login(self) -> dict[str, str]:
        """What its Secret of the database holds."""
        access = self.living.neighbours.access
        return {"username": USER, "password": access.database_password, "ca.crt": access.authority}

    def _secrets(self) -> list[Manifest]:
        access, database = self.living.neighbours.access, self.login()
        redis = {"password": access.redis_password, "ca.crt": access.authority}
        return [self._secret("novacron-database", database), self._secret("novacron-redis", redis)]

    def _secret(self, name: str, content: Mapping[str, str]) -> Manifest:
        meta = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": dict(content)}

    # The resource

    def resource(self) -> Manifest:
        found = self.client.get("NovaCron", self.namespace, self.name)
        assert found is not None
        return found

    def condition(self, type_: str) -> Manifest:
        """Of the current generation; empty while it was not judged yet."""
        found = self.resource()
        for item in found.get("status", {}).get("conditions", ()):
            if item["type"] == type_ and item["observedGeneration"] == found["metadata"]["generation"]:
                return dict(item)
        return {}

    def edit(self, spec: Mapping[str, Any]) -> None:
        """A merge patch, as ``kubectl edit`` sends."""
        self.client.patch("NovaCron", self.namespace, self.name, {"spec": spec})

    def until_known(self) -> None:
        """Ready, and no condition in doubt any more."""
        self.until_ready()

        def known() -> bool:
            doubtful = [item for item in self.resource()["status"]["conditions"] if item["status"] == "Unknown"]
            assert doubtful == []
            return True

        until(known, f"everything is known of {self.namespace}", READY_SECONDS)

    def until_ready(self) -> Lodging:
        until(lambda: self._is("Ready", "True"), f"{self.namespace} is Ready", READY_SECONDS)
        return self

    def _is(self, type_: str, status: str) -> bool:
        found = self.condition(type_)
        assert found.get("status") == status, found
        return True

    # Its pods

    def pods(self, workload: str = "") -> list[Manifest]:
        """Those that are neither on their way out nor at their end, as those of a Job are."""
        chosen = labels.selector(self.name, workload) if workload else {labels.INSTANCE: self.name}
        listed = self.client.list("Pod", self.namespace, ",".join(f"{key}={value}" for key, value in chosen.items()))
        return [
            pod
            for pod in listed
            if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in ("Succeeded", "Failed")
        ]

    def address(self, workload: str) -> str:
        """Of one running pod of a workload."""
        return str(self.pods(workload)[0]["status"]["podIP"])


class Sample(Lodging):
    """The development sample itself, in the namespace that the store gives its secrets to."""

    def __init__(self, living: Living) -> None:
        super().__init__(living)
        self.namespace = "novacron"

    def __enter__(self) -> Sample:
        self.apply()
        return self

    def apply(self) -> None:
        """As an administrator does; nothing changes where it stands already."""
        for manifest in sample():
            self.client.apply(manifest)
