"""The API server restarted, and etcd away for a minute, in mid-reconcile: it converges, and writes nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from novacron.api.v1alpha1 import validate
from novacron.core import drift
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Ref, ref
from novacron.stack import migration
from novacron.stack.desired import wanted
from tests.support.api_calls import Call
from tests.support.api_client import Client, Manifest
from tests.support.controlplane import crds
from tests.support.controlplane.plane import ControlPlane
from tests.support.fault_proxy import FaultProxy, Hold
from tests.support.installation import install
from tests.support.neighbours import Neighbours
from tests.support.observed_states import Judged
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place
from tests.support.resources import minimal
from tests.support.waiting import lasting, until

pytestmark = [pytest.mark.owns_control_plane, pytest.mark.simulated_node]

ETCD_AWAY = 60.0
"""Seconds."""
_GATEWAY = {"type": "Gateway", "hosts": ["api.example.com"], "gateway": {"name": "public", "namespace": "gateways"}}


@pytest.fixture(scope="module")
def plane(judged: Judged) -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        crds.install(started)
        with judged(started, "tests/cluster/test_outages.py"):
            yield started


@pytest.fixture(scope="module")
def operator(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FaultProxy, Client, OperatorProcess]]:
    directory: Path = tmp_path_factory.mktemp("outages")
    with (
        FaultProxy(install(plane), directory) as proxy,
        Neighbours(plane.kubeconfig),
        OperatorProcess(proxy.kubeconfig, directory) as running,
    ):
        yield proxy, Client(plane.kubeconfig), running.until_leading().until_ready()


def held_in_the_middle(place: Place, hold: Hold, submit: Manifest) -> None:
    """Submits a resource and returns when the pass over it has written something and waits with the next write."""
    place.submit(submit)
    until(lambda: hold.waiting, "a write waits", 30)
    assert place.writes(0), "nothing is written yet: that is no middle"


def a_deployment(place: Place) -> Hold:
    return Hold(
        lambda call: (call.verb, call.resource, call.namespace) == ("apply", "deployments.apps", place.namespace)
    )


def assert_as_wanted(place: Place, plane: ControlPlane) -> None:
    """Every child, and nothing else, as the resource asks, with the keys and the Jobs that there are."""
    resource, found = validate(place.novacron()), place.children()
    keys = found[Ref("ConfigMap", place.namespace, "novacron-jwks")]["data"]["jwks.json"]
    complete = wanted(resource, Capabilities(plane.server_version), found, keys)
    asked = migration.with_jobs(complete, resource, found)
    expected = {ref(item): item for item in asked.manifests}
    assert found.keys() == expected.keys() | asked.kept
    assert [
        (str(child), drift.changed(item, found[child]))
        for child, item in expected.items()
        if drift.changed(item, found[child])
    ] == []


def written_twice(calls: list[Call]) -> dict[str, int]:
    """Children that were successfully written more than once; the hand-over of replicas is a Deployment's second."""
    done = Counter(
        f"{call.resource}/{call.name}" for call in calls if call.subresource != "status" and 200 <= call.code < 300
    )
    return {name: count for name, count in done.items() if count > (2 if name.startswith("deployments") else 1)}


def test_the_api_server_is_restarted_in_the_middle_of_a_creation(
    plane: ControlPlane, operator: tuple[FaultProxy, Client, OperatorProcess]
) -> None:
    proxy, client, process = operator
    place = Place(client, proxy)
    pid = process.pid
    hold = a_deployment(place)
    with proxy.fault(hold):
        held_in_the_middle(place, hold, minimal(namespace=place.namespace, exposure=_GATEWAY))
        plane.stop("kube-apiserver")
        hold.let_go()
        plane.start("kube-apiserver")
    place.until_ready(seconds=120)
    place.until_quiet()
    assert_as_wanted(place, plane)
    assert written_twice(place.writes(0)) == {}
    assert (process.alive(), process.pid) == (True, pid)
    place.leave()


def test_etcd_is_away_for_a_minute_in_the_middle_of_a_change(
    plane: ControlPlane, operator: tuple[FaultProxy, Client, OperatorProcess]
) -> None:
    proxy, client, process = operator
    place = Place(client, proxy)
    pid = process.pid
    place.submit(minimal(namespace=place.namespace, exposure=_GATEWAY))
    place.until_ready(seconds=120)
    place.until_quiet()
    before = place.mark()
    hold = a_deployment(place)
    with proxy.fault(hold):
        place.edit({"version": "v11.0.0", "ml": {"enabled": False}})
        until(lambda: hold.waiting, "a write waits", 30)
        plane.stop("etcd")
        hold.let_go()
        lasting(lambda: process.health()[0] == 200, "an outage is no reason to restart", ETCD_AWAY, 2.0)
        plane.start("etcd")
    place.until_ready(seconds=120)
    place.until_quiet()
    assert_as_wanted(place, plane)
    image = place.child("Deployment", "novacron-api")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(":v11.0.0")
    assert written_twice(place.writes(before)) == {}
    assert process.pid == pid
    place.leave()
