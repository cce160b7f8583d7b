"""Who reaches whom, with packets: the edges that are meant answer, all others are blocked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.support.living import HOME, Living
from tests.support.lodging import Lodging, Sample
from tests.support.node.network import HOST_PORT, METADATA, OUTSIDE, Target
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
_WORKLOADS = ("api", "auth", "query", "ml")
_HTTP, _INTERNAL, _METRICS = 8080, 8081, 9090
_ALLOWED = {
    ("api", "auth", _HTTP),
    ("api", "auth", _INTERNAL),
    ("api", "query", _HTTP),
    ("api", "ml", _HTTP),
    ("query", "auth", _INTERNAL),
    ("ml", "auth", _INTERNAL),
    *(("operator", workload, _HTTP) for workload in _WORKLOADS),
    *(("prometheus", workload, _METRICS) for workload in _WORKLOADS),
    ("prometheus", "operator", _METRICS),
    *((workload, "redis", 6379) for workload in ("api", "auth", "query")),
    *((workload, "postgres", 5432) for workload in ("auth", "query")),
    *((workload, "dns", 53) for workload in _WORKLOADS),
}
"""Caller, called, port; Prometheus is in the namespace `monitoring`."""
_PAUSE = """
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: caller, namespace: {namespace}}}
spec:
  automountServiceAccountToken: false
  containers: [{{name: caller, image: localhost/novacron-e2e/pause:1, imagePullPolicy: Never}}]
"""
Probe = tuple[str, str, int]


@pytest.fixture(scope="module")
def callers(living: Living) -> Iterator[Mapping[str, str]]:
    """Pods that are not ours: name -> address."""
    namespaces = {"prometheus": "monitoring", "stranger": "strangers"}
    for namespace in namespaces.values():
        living.kubectl("apply", "-f", "-", input=_PAUSE.format(namespace=namespace))
        living.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/caller", "--timeout=60s")
    yield {name: _address(living, namespace, "") for name, namespace in namespaces.items()}
    for namespace in namespaces.values():
        living.client.delete("Namespace", "", namespace)


@pytest.fixture(scope="module")
def outside(living: Living) -> Iterator[None]:
    with living.network.hosts():
        yield


def _address(living: Living, namespace: str, selector: str) -> str:
    (pod, *_others) = [
        pod for pod in living.client.list("Pod", namespace, selector) if "deletionTimestamp" not in pod["metadata"]
    ]
    return str(pod["status"]["podIP"])


def _everybody(lodging: Lodging, callers: Mapping[str, str]) -> Mapping[str, str]:
    """Whoever may call or be called: name -> address."""
    living = lodging.living
    return {
        **{workload: lodging.address(workload) for workload in _WORKLOADS},
        **callers,
        "operator": _address(living, HOME, "app.kubernetes.io/name=novacron-operator"),
        "postgres": _address(living, "neighbours", "app.kubernetes.io/name=postgres"),
        "redis": _address(living, "neighbours", "app.kubernetes.io/name=redis"),
        "vault": _address(living, "neighbours", "app.kubernetes.io/name=vault"),
        "dns": _address(living, "kube-system", "k8s-app=kube-dns"),
        "API server": "10.96.0.1",
        "node": living.node.box.addresses.node,
        "metadata": METADATA,
        "outside": OUTSIDE,
    }


_PORTS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(_WORKLOADS, (_HTTP, _INTERNAL, _METRICS)),
    "operator": (_HTTP, _METRICS),
    "postgres": (5432,),
    "redis": (6379,),
    "vault": (8200,),
    "dns": (53,),
    "API server": (443,),
    "node": (10250,),
    "metadata": (HOST_PORT,),
    "outside": (HOST_PORT,),
}
_OURS = {*_WORKLOADS, "operator"}


def _probes() -> list[Probe]:
    """Every pair that a policy of ours speaks of: from our workloads to all, from everybody to our pods."""
    return [
        (caller, called, port)
        for caller in (*_WORKLOADS, "operator", "prometheus", "stranger", "postgres")
        for called, ports in _PORTS.items()
        for port in ports
        if caller != called and (caller in _WORKLOADS or called in _OURS)
    ]


def _reached(lodging: Lodging, callers: Mapping[str, str]) -> set[Probe]:
    """The probes that something answered."""
    address = _everybody(lodging, callers)
    found = set()
    for caller in {probe[0] for probe in _probes()}:
        mine = [probe for probe in _probes() if probe[0] == caller]
        targets = {probe: Target(address[probe[1]], probe[2]) for probe in mine}
        answers = lodging.living.network.reached(address[caller], list(targets.values()))
        found |= {probe for probe, target in targets.items() if answers[target]}
    return found


def test_the_allowed_edges_answer_and_all_others_are_blocked(
    sample: Sample, callers: Mapping[str, str], outside: None
) -> None:
    def as_documented() -> bool:
        reached = _reached(sample, callers)
        assert reached - _ALLOWED == set(), "reached, though no edge allows it"
        assert _ALLOWED - reached == set(), "an allowed edge does not answer"
        return True

    # an engine hears of a new pod a moment after it got its address
    until(as_documented, "the edges are as documented", 15)
    assert set(_probes()) >= _ALLOWED


def test_names_are_resolved_over_udp_too(sample: Sample, callers: Mapping[str, str]) -> None:
    address = _everybody(sample, callers)
    for workload in _WORKLOADS:
        target = Target(address["dns"], 53, "UDP")
        assert sample.living.network.reached(address[workload], [target])[target], workload


def test_without_our_policies_every_probe_is_answered(
    living: Living, callers: Mapping[str, str], outside: None
) -> None:
    """So each block above is the policy's doing."""

    def open_(spec: dict[str, object]) -> None:
        spec["networkPolicy"] = {"enabled": False}

    with Lodging(living, open_) as lodging:
        lodging.until_ready()
        wanted = {probe for probe in _probes() if probe[1] != "operator"}
        until(lambda: _reached(lodging, callers) >= wanted, "every probe is answered", 15)
