"""An operator of a test's own against a real API server without controllers: nothing moves but what the test moves.

It serves one namespace and keeps its lease there, so that many arenas may share one API server without knowing of each
other. The controllers of Deployments and Jobs are played by ``play_controllers``: a Ready resource is looked at again
only after minutes, hence whatever the operator notices sooner, its watches told it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from novacron.core import labels
from tests.support import jobs
from tests.support.api_calls import Match
from tests.support.api_client import Client, Manifest
from tests.support.fault_proxy import FaultProxy, Stream
from tests.support.installation import make_home
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place, small
from tests.support.waiting import until

NOVACRONS = "novacrons.novacron.io"
_numbers = itertools.count(1)


class Arena:
    """Namespace, proxy and operator. The processes end on leaving.

    Args:
        client: the administrator, past the proxy.
        account: kubeconfig of the operator's identity.
        directory: for logs.
        options: more of `novacron run`.
    """

    def __init__(self, client: Client, account: Path, directory: Path, options: Sequence[str] = ()) -> None:
        self.client = client
        self.account = account
        self.options = options
        self.namespace = f"arena-{os.getpid()}-{next(_numbers)}"
        self.directory = directory / self.namespace
        self.proxy = FaultProxy(account, self.directory)
        self.place = Place(client, self.proxy, self.namespace)
        make_home(client, self.namespace)
        self.operator = self.another(self.proxy)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Arena:
        self._stack.enter_context(self.proxy)
        self._stack.push(self.operator)
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(type_, value, trace)

    def another(self, proxy: FaultProxy, name: str = "operator") -> OperatorProcess:
        """A process for this namespace and its lease; the caller starts and ends it."""
        return OperatorProcess(
            proxy.kubeconfig,
            self.directory,
            namespace=self.namespace,
            home=self.namespace,
            name=name,
            options=self.options,
        )

    def start(self) -> Arena:
        self.operator.start().until_ready().until_leading()
        return self

    def settle(self, resource: Manifest | None = None) -> Arena:
        """Submits a resource and returns when it is Ready, a pass writes nothing more, and none is under way."""
        self.place.submit(resource or small(self.namespace))
        self.until_ready()
        self.place.until_quiet()
        self.place.until_silent()
        return self

    def healthy(self) -> bool:
        """Whether the liveness probe would keep the process: the kubelet restarts after three failures in a row."""
        return any(self.operator.health()[0] == 200 for _ in range(3))

    def until_ready(self, seconds: float = 60.0) -> None:
        def ready() -> bool:
            self.play_controllers()
            condition = self.place.condition("Ready")
            assert condition.get("status") == "True", condition
            return True

        until(ready, f"{self.namespace} is Ready", seconds)

    def play_controllers(self) -> None:
        """What they would report once all pods run, and those of Jobs have ended well."""
        jobs.play(self.client, self.namespace)
        for body in self.client.list("Deployment", self.namespace, labels.OWNED_SELECTOR):
            replicas = body["spec"]["replicas"]
            status = {
                "observedGeneration": body["metadata"]["generation"],
                **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas),
            }
            if {key: body.get("status", {}).get(key) for key in status} != status:
                name = body["metadata"]["name"]
                self.client.patch("Deployment", self.namespace, name, {"status": status}, subresource="status")

    def stream(self, matches: Match) -> Stream:
        """The one open watch that matches."""

        def found() -> Stream | None:
            streams = self.proxy.streams(matches)
            assert len(streams) < 2, streams
            return streams[0] if streams else None

        return until(found, "the watch is open", 60) or self.proxy.streams(matches)[0]
