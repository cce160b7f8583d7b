"""The enforcer as a process beside a real API server, both in the box, as on a node: what the API says, packets do."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from tests.netpol.conftest import Node
from tests.support.api_client import Client
from tests.support.controlplane import process
from tests.support.controlplane.plane import STORAGE, ControlPlane
from tests.support.netpol.box import NODE, Box
from tests.support.netpol.state import State, read, wait_in_force
from tests.support.netpol.traffic import Attempt
from tests.support.waiting import NotInTime, until

Manifest = dict[str, Any]

_WEB, _DB, _UNKNOWN = "10.0.1.2", "10.0.1.3", "10.0.1.4"
_NETWORK = "10.0.1.0/24"
_TO_DB = Attempt(_WEB, _DB, "TCP", 80)


@dataclass(slots=True)
class Cluster:
    """An API server in a box, with an enforcer beside it."""

    node: Node
    plane: ControlPlane
    client: Client
    directory: Path
    enforcer: process.Identity | None = None

    @property
    def state(self) -> Path:
        return self.directory / "state.json"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.netpol", "--kubeconfig", str(self.plane.kubeconfig)]
        command += ["--state", str(self.state), "--pod-cidr", _NETWORK]
        started = process.start(command, self.directory / "enforcer.log", detached=False)
        self.enforcer = process.identify(started.pid)

    def stop(self) -> None:
        if self.enforcer is not None:
            process.stop([self.enforcer])

    def passes(self, attempt: Attempt) -> bool:
        return attempt in self.node.exchange.passed([attempt])

    def pod(self, name: str, address: str) -> Manifest:
        """A pod whose kubelet has told its address."""
        self.client.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": "default", "name": name, "labels": {"app": name}},
                "spec": {"automountServiceAccountToken": False, "containers": [{"name": "main", "image": "none"}]},
            }
        )
        return self.status("default", name, {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]})

    def status(self, namespace: str, name: str, status: Manifest) -> Manifest:
        url = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        found: Manifest = self.client.request("PATCH", url, {"status": status}, "application/merge-patch+json")
        return found

    def label(self, name: str, app: str) -> Manifest:
        url = f"/api/v1/namespaces/default/pods/{name}"
        body = {"metadata": {"labels": {"app": app}}}
        found: Manifest = self.client.request("PATCH", url, body, "application/merge-patch+json")
        return found

    @contextmanager
    def policy(self, **spec: Any) -> Iterator[Manifest]:
        """In force in the block, and no more behind it."""
        manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        found = self.client.create({**manifest, "metadata": {"namespace": "default", "name": "policy"}, "spec": spec})
        wait_in_force(self.state, [found])
        try:
            yield found
        finally:
            self.client.delete("NetworkPolicy", "default", "policy")
            wait_in_force(self.state, gone=["default/policy"])


@pytest.fixture(scope="module")
def cluster(
    node_with: Callable[[Box, Sequence[int]], Node], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The tests stay in the box, so that what they start and ask is there."""
    addresses = tuple(map(IPv4Address, (_WEB, _DB, _UNKNOWN)))
    node = node_with(Box(addresses, IPv4Network(_NETWORK)), (80,))
    with node.box.node.entered(), ControlPlane(components=STORAGE, nodes=0) as plane:
        client = Client(plane.kubeconfig)
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": "default", "name": "default"},
        }
        until(lambda: client.get("Namespace", "", "default"), "the default namespace")
        client.create(account)
        found = Cluster(node, plane, client, tmp_path_factory.mktemp("enforcer"))
        found.start()
        try:
            wait_in_force(found.state, [found.pod("web", _WEB), found.pod("db", _DB)], seconds=60)
            yield found
        finally:
            found.stop()


def _from(app: str) -> Manifest:
    return {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": app}}}]}]}


def test_a_policy_is_in_force_from_its_creation_to_its_deletion(cluster: Cluster) -> None:
    assert cluster.passes(_TO_DB)
    with cluster.policy(**_from("nobody")):
        assert not cluster.passes(_TO_DB)
        assert cluster.passes(Attempt(NODE, _DB, "TCP", 80))
    assert cluster.passes(_TO_DB)


def test_labels_of_pods_and_namespaces_count_at_once(cluster: Cluster) -> None:
    with cluster.policy(**_from("web")):
        assert cluster.passes(_TO_DB)
        wait_in_force(cluster.state, [cluster.label("web", "other")])
        assert not cluster.passes(_TO_DB)
        wait_in_force(cluster.state, [cluster.label("web", "web")])
        assert cluster.passes(_TO_DB)
    peer = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
    with cluster.policy(podSelector={}, ingress=[{"from": [peer]}]):
        assert not cluster.passes(_TO_DB)
        body = {"metadata": {"labels": {"team": "a"}}}
        url = "/api/v1/namespaces/default"
        wait_in_force(cluster.state, [cluster.client.request("PATCH", url, body, "application/merge-patch+json")])
        assert cluster.passes(_TO_DB)


def test_a_pod_is_cut_off_until_it_is_known(cluster: Cluster) -> None:
    from_late = Attempt(_UNKNOWN, _DB, "TCP", 80)
    assert cluster.passes(from_late)
    with cluster.policy(**_from("late")):
        assert not cluster.passes(from_late)
        wait_in_force(cluster.state, [cluster.pod("late", _UNKNOWN)])
        assert cluster.passes(from_late)
        wait_in_force(cluster.state, [cluster.status("default", "late", {"phase": "Succeeded"})])
        assert not cluster.passes(from_late)


def test_rules_outlive_the_api_server_and_follow_it_when_it_is_back(cluster: Cluster) -> None:
    with cluster.policy(**_from("nobody")):
        cluster.plane.stop("kube-apiserver")
        until(lambda: _now(cluster).problem, "the enforcer notices")
        assert not cluster.passes(_TO_DB)
        cluster.plane.start("kube-apiserver")
        wait_in_force(cluster.state, [cluster.label("db", "database")])
        assert _now(cluster).problem == ""
        assert not cluster.passes(_TO_DB)


def test_rules_outlive_the_enforcer_and_its_successor_takes_them_over(cluster: Cluster) -> None:
    with cluster.policy(**_from("nobody")):
        assert cluster.enforcer is not None
        cluster.enforcer.kill(signal.SIGKILL)
        until(lambda: cluster.enforcer and not cluster.enforcer.alive(), "it is dead")
        assert not cluster.passes(_TO_DB)
        relabelled = cluster.label("web", "nobody")
        with pytest.raises(NotInTime):
            wait_in_force(cluster.state, [relabelled], seconds=0.5)
        cluster.start()
        wait_in_force(cluster.state, [relabelled], seconds=60)
        assert cluster.passes(_TO_DB)
        wait_in_force(cluster.state, [cluster.label("web", "web")])
        assert not cluster.passes(_TO_DB)


def test_each_ruleset_is_a_line(cluster: Cluster) -> None:
    lines = (cluster.directory / "enforcer.log").read_text().splitlines()
    assert any("0 policies, 2 pods" in line and "ms after the first change" in line for line in lines), lines


def _now(cluster: Cluster) -> State:
    found = read(cluster.state)
    assert found is not None
    return found
