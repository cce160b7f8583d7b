"""What a pass reads of pods and asks of them: an API server in memory, and workloads that say what they are told to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from novacron.adapters import credentials
from novacron.adapters.kube import Kube
from novacron.adapters.workloads import NoAnswer
from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core import kinds
from novacron.core.manifest import Manifest
from novacron.core.readiness import Dependency
from novacron.ml.status import Facts
from novacron.stack import gather
from novacron.stack.dependencies import Hearing
from novacron.stack.memory import Memory
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


JOB: Manifest = {
    "kind": "Job",
    "metadata": {"name": "nc-migrate-0", "namespace": "shop", "uid": "job"},
    "spec": {"template": states.TEMPLATE},
}


def of_job(pod: Manifest, uid: str = "job") -> Manifest:
    pod["metadata"]["labels"]["app.kubernetes.io/component"] = "migrate"
    pod["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "nc-migrate-0", "uid": uid}]
    return pod


def ended(message: str, name: str, uid: str = "job") -> Manifest:
    text = json.dumps({"outcome": "unreachable", "reason": "Unreachable", "message": message})
    state = {"terminated": states.ended(3, "Error", text)}
    container = states.container(state=state, role="migrate")
    return of_job(states.pod(name, "migrate", phase="Failed", containerStatuses=[container]), uid)


async def test_of_a_job_the_last_words_and_what_keeps_the_present_pod_are_told_apart_from_the_upkeep(
    server: ApiServer, kube: Kube
) -> None:
    missing = states.held("CreateContainerConfigError", 'secret "nc-database" not found')
    server.holds(kinds.POD, "shop", of_job(missing), ended("first", "a"), ended("upkeep", "b", "another"))
    found = await gather.living(kube, None, resource(), {}, JOB, states.NOW)
    assert found.problems.keys() == {"migrate"}
    assert found.problems["migrate"].reason == "SecretMissing"
    assert (str(found.migration), str(found.upkeep)) == ("Unreachable: first", "Unreachable: upkeep")


async def test_a_pod_of_a_job_that_ended_is_no_crash_loop(server: ApiServer, kube: Kube) -> None:
    server.holds(kinds.POD, "shop", ended("away", "a"))
    assert (await gather.living(kube, None, resource(), {}, JOB, states.NOW)).problems == {}


async def test_one_that_a_node_sent_away_names_the_field_of_the_pods_it_is_like(server: ApiServer, kube: Kube) -> None:
    low = states.failed("Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ")
    server.holds(kinds.POD, "shop", of_job(low))
    found = (await gather.living(kube, None, resource(), {}, JOB, states.NOW)).problems["migrate"]
    assert "spec.query.resources.limits['ephemeral-storage']" in found.remedy


async def test_a_job_without_pods_tells_in_events_why(server: ApiServer, kube: Kube) -> None:
    quota = "exceeded quota: tight, requested: pods=1, used: pods=0, limited: pods=0"
    message = f'Error creating: pods "nc-migrate-0-x" is forbidden: {quota}'
    server.holds(kinds.CORE_EVENT, "shop", {"message": message, "involvedObject": {"name": "nc-migrate-0"}})
    server.holds(kinds.POD, "shop")
    found = (await gather.living(kube, None, resource(), {}, JOB, states.NOW)).problems["migrate"]
    assert (found.reason, "ResourceQuota/tight" in found.cause) == ("QuotaExceeded", True)
    server.holds(kinds.POD, "shop", of_job(states.starting()))
    assert (await gather.living(kube, None, resource(), {}, JOB, states.NOW)).problems == {}


async def test_pods_that_miss_tables_are_heard(server: ApiServer, kube: Kube) -> None:
    outdated = Dependency("schema", "down", True, "nc-database", "SchemaOutdated", "auth is 0001, 0002 is needed")
    server.holds(kinds.POD, "shop", unready(1))
    found = await gather.living(kube, Said({"10.0.0.1": (outdated,)}), resource(), INCOMPLETE, None, states.NOW)
    assert found.outdated == {"api": outdated}
    assert "novacron migrate" in found.problems["api"].remedy


FACTS = Facts(128 << 20, 128 << 20, 512 << 20, "maxMemory", allowed=True)


def of_ml(number: int, last: Manifest | None = None) -> Manifest:
    running = states.container(state={"running": {"startedAt": states.ago(minutes=1)}}, last=last, role="ml")
    pod = states.pod(f"nc-ml-{number}", "ml", containerStatuses=[running], conditions=states.conditions(ready=True))
    pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": "128Mi"}}
    return pod


def metrics(name: str, **used: str) -> Manifest:
    """As metrics-server gives them."""
    containers = [{"name": container, "usage": {"cpu": "1m", "memory": amount}} for container, amount in used.items()]
    return {"metadata": {"name": name}, "timestamp": "2026-11-26T12:00:00Z", "window": "15s", "containers": containers}


def serves_metrics(server: ApiServer, *items: Manifest) -> None:
    server.holds(kinds.POD_METRICS, "shop", *items)
    server.answers["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"]["metadata"] = {}


async def memory(kube: Kube, remembered: Memory, heard: Hearing | None = None) -> Facts:
    found = await gather.memory(kube, resource(), FACTS, {}, {}, heard or {}, remembered, states.NOW)
    assert found is not None
    return found


async def test_the_most_that_pods_that_are_short_of_memory_use_is_remembered(server: ApiServer, kube: Kube) -> None:
    killed = states.ended(137, "OOMKilled")
    server.holds(kinds.POD, "shop", of_ml(1, killed), of_ml(2))
    serves_metrics(server, metrics("nc-ml-1", ml="40Mi", istio="300Mi"), metrics("nc-ml-2", ml="100Mi"))
    remembered = Memory("u", 0.0)
    assert await memory(kube, remembered) == dataclasses.replace(FACTS, killed=True, peak=100 << 20)
    serves_metrics(server, metrics("nc-ml-1", ml="30Mi"))
    assert (await memory(kube, remembered)).peak == 100 << 20
    assert (await memory(kube, Memory("u", 0.0))).peak == 30 << 20


@pytest.mark.parametrize(
    "answer",
    [
        *(404, 403, 500, 503),
        pytest.param({"metadata": {}, "items": [{"metadata": {"name": "nc-ml-1"}}]}, id="no-containers"),
        pytest.param({"metadata": {}, "items": [metrics("nc-ml-1", ml="much")]}, id="no-quantity"),
        pytest.param({"metadata": {}, "items": [metrics("nc-ml-1", ml="1e999999999")]}, id="beyond-all-numbers"),
        pytest.param({"metadata": {}, "items": {"nc-ml-1": "64Mi"}}, id="items-of-another-kind"),
        pytest.param({"items": []}, id="no-list"),
        pytest.param([], id="no-object"),
        pytest.param(None, id="nothing"),
    ],
)
async def test_without_a_metrics_api_kills_are_told_all_the_same(server: ApiServer, kube: Kube, answer: Any) -> None:
    server.holds(kinds.POD, "shop", of_ml(1, states.ended(137, "OOMKilled")))
    server.answers["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"] = answer
    assert await memory(kube, Memory("u", 0.0)) == dataclasses.replace(FACTS, killed=True)


@pytest.mark.parametrize(
    ("amount", "peak"),
    [
        ("0", 0),
        ("65536Ki", 64 << 20),
        ("67108864", 64 << 20),
        ("67108864000m", 64 << 20),
        ("67108.864k", 64 << 20),
        ("-64Mi", 0),
        pytest.param("1e9999", 128 << 20, id="more-than-a-message-could-show"),
    ],
)
async def test_what_the_metrics_api_shows_is_read_in_any_unit_and_never_above_the_limit(
    server: ApiServer, kube: Kube, amount: str, peak: int
) -> None:
    server.holds(kinds.POD, "shop", of_ml(1, states.ended(137, "OOMKilled")))
    serves_metrics(server, metrics("nc-ml-1", ml=amount))
    assert (await memory(kube, Memory("u", 0.0))).peak == peak


async def test_pods_that_do_well_are_not_measured(server: ApiServer, kube: Kube) -> None:
    server.holds(kinds.POD, "shop", of_ml(1))
    serves_metrics(server, metrics("nc-ml-1", ml="100Mi"))
    assert await memory(kube, Memory("u", 0.0)) == FACTS
    assert await gather.memory(kube, resource(), None, {}, {}, {}, Memory("u", 0.0), states.NOW) is None
