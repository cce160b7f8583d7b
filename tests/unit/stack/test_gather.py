"""What a pass reads of pods and asks of them: an API server in memory, and workloads that say what they are told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from novacron.adapters import credentials
from novacron.adapters.kube import Kube
from novacron.adapters.workloads import NoAnswer
from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core import kinds
from novacron.core.manifest import Manifest
from novacron.core.readiness import Dependency
from novacron.stack import gather
from tests.support import resources
from tests.unit.roles.command import ApiServer
from tests.unit.stack import pod_states as states

DEPLOYMENT: Manifest = {"spec": {"template": states.TEMPLATE}}
INCOMPLETE = {"api": DEPLOYMENT}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(tmp_path) as running:
        running.holds(kinds.CORE_EVENT, "shop")
        yield running


@pytest.fixture
async def kube(server: ApiServer) -> AsyncIterator[Kube]:
    async with Kube(credentials.from_kubeconfig(server.kubeconfig)) as asking:
        yield asking


class Said:
    """Pods by their address."""

    def __init__(self, answers: Mapping[str, tuple[Dependency, ...]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int, str]] = []

    async def ask(self, address: str, port: int, path: str) -> tuple[Dependency, ...]:
        self.asked.append((address, port, path))
        if address not in self.answers:
            raise NoAnswer("silence")
        return self.answers[address]


def resource() -> NovaCron:
    body = resources.minimal("nc", "shop", api={"ports": {"http": 8181}, "probes": {"readiness": {"path": "/up"}}})
    body["metadata"]["uid"] = "u"
    return validate(body)


def unready(number: int, *, ready: bool = False, role: str = "api") -> Manifest:
    running = states.container(state={"running": {"startedAt": states.ago(minutes=1)}}) | {"ready": ready}
    status: Manifest = {
        "containerStatuses": [running],
        "conditions": states.conditions(ready=ready),
        "podIP": f"10.0.0.{number}",
    }
    return states.pod(f"pod-{number}", role, **status)


REFUSED = (Dependency("database", "down", True, "nc-database", "AuthenticationFailed", "no"),)
AWAY = (Dependency("redis", "down", True, "nc-redis", "Unreachable", "nobody answers"),)


async def test_out_of_reach_only_the_states_of_pods_count(server: ApiServer, kube: Kube) -> None:
    server.holds(kinds.POD, "shop", unready(1), states.held("ErrImagePull", "no"))
    found = await gather.living(kube, None, resource(), INCOMPLETE, None, states.NOW)
    assert found.problems["api"].reason == "ImageUnavailable"
    assert found.said == {}


async def test_pods_that_run_and_are_not_ready_are_asked_at_their_readiness_path_and_no_more_than_three(
    server: ApiServer, kube: Kube
) -> None:
    pods = [unready(number) for number in (5, 4, 3, 2)]
    server.holds(kinds.POD, "shop", unready(1, ready=True), *pods, unready(9, role="auth"))
    said = Said({"10.0.0.3": REFUSED})
    found = await gather.living(kube, said, resource(), INCOMPLETE, None, states.NOW)
    assert said.asked == [("10.0.0.2", 8181, "/up"), ("10.0.0.3", 8181, "/up"), ("10.0.0.4", 8181, "/up")]
    assert found.problems["api"].reason == "DependencyUnreachable"
    assert "database (Secret nc-database): AuthenticationFailed: no" in found.problems["api"].cause
    assert found.said == {"api": REFUSED}


async def test_a_server_that_is_away_says_nothing_of_the_login(server: ApiServer, kube: Kube) -> None:
    server.holds(kinds.POD, "shop", unready(1))
    found = await gather.living(kube, Said({"10.0.0.1": AWAY}), resource(), INCOMPLETE, None, states.NOW)
    assert found.problems["api"].reason == "DependencyUnreachable"
    assert found.said == {}


async def test_what_a_pod_misses_explains_an_earlier_crash_and_is_less_than_a_pod_that_cannot_start(
    server: ApiServer, kube: Kube
) -> None:
    said = Said({"10.0.0.1": AWAY})
    crashed = unready(1)
    crashed["status"]["containerStatuses"][0]["lastState"] = {"terminated": states.ended(1, "Error")}
    server.holds(kinds.POD, "shop", crashed)
    found = await gather.living(kube, said, resource(), INCOMPLETE, None, states.NOW)
    assert found.problems["api"].reason == "DependencyUnreachable"
    server.holds(kinds.POD, "shop", crashed, states.held("InvalidImageName", ""))
    found = await gather.living(kube, said, resource(), INCOMPLETE, None, states.NOW)
    assert found.problems["api"].reason == "ImageUnavailable"
