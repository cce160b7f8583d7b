"""What is switched off goes, and nothing else; what is switched on again returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from novacron.core.manifest import Ref
from tests.support.api_client import Client, Manifest
from tests.support.fault_proxy import FaultProxy
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place
from tests.support.resources import minimal
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

GATEWAY = {"type": "Gateway", "hosts": ["api.example.com"], "gateway": {"name": "public", "namespace": "gateways"}}
OFF = {"enabled": False}
SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "workload": (
        {"ml": OFF},
        {"ml": {"enabled": True}},
        {
            "ConfigMap/novacron-ml-config",
            "Deployment/novacron-ml",
            "NetworkPolicy/novacron-ml",
            "PodDisruptionBudget/novacron-ml",
            "Service/novacron-ml",
            "ServiceAccount/novacron-ml",
            "ServiceMonitor/novacron-ml",
        },
    ),
    "autoscaling": (
        {"query": {"autoscaling": OFF}},
        {"query": {"autoscaling": {"enabled": True}}},
        {"HorizontalPodAutoscaler/novacron-query"},
    ),
    "budget": (
        {"auth": {"podDisruptionBudget": OFF}},
        {"auth": {"podDisruptionBudget": {"enabled": True}}},
        {"PodDisruptionBudget/novacron-auth"},
    ),
    "policies": (
        {"networkPolicy": OFF},
        {"networkPolicy": {"enabled": True}},
        {f"NetworkPolicy/novacron-{name}" for name in ("api", "auth", "query", "ml", "migrate", "default-deny")},
    ),
    "limits": (
        {"governance": {"limitRange": OFF}},
        {"governance": {"limitRange": {"enabled": True}}},
        {"LimitRange/novacron-limits"},
    ),
    "quota": (
        {"governance": {"resourceQuota": OFF}},
        {"governance": {"resourceQuota": {"enabled": True}}},
        {"ResourceQuota/novacron-quota"},
    ),
    "monitors": (
        {"monitoring": {"serviceMonitor": OFF}},
        {"monitoring": {"serviceMonitor": {"enabled": True}}},
        {f"ServiceMonitor/novacron-{name}" for name in ("api", "auth", "query", "ml")},
    ),
    "rules": (
        {"monitoring": {"prometheusRule": OFF}},
        {"monitoring": {"prometheusRule": {"enabled": True}}},
        {"PrometheusRule/novacron"},
    ),
    "dashboards": (
        {"monitoring": {"dashboards": OFF}},
        {"monitoring": {"dashboards": {"enabled": True}}},
        {"ConfigMap/novacron-dashboards"},
    ),
    "exposure": ({"exposure": {"type": "None"}}, {"exposure": GATEWAY}, {"HTTPRoute/novacron"}),
}


@pytest.fixture(scope="module")
def shared(client: Client, proxy: FaultProxy, operator: OperatorProcess) -> Iterator[Place]:
    assert operator.alive()
    made = Place(client, proxy)
    made.submit(minimal(namespace=made.namespace, exposure=GATEWAY))
    until(lambda: len(made.children()) >= 47, "all children exist", 60)
    made.until_quiet()
    yield made
    made.leave()


def uids(children: dict[Ref, Manifest]) -> dict[str, str]:
    return {str(child): item["metadata"]["uid"] for child, item in children.items()}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_part_is_switched_off_and_on_again(shared: Place, switch: str) -> None:
    off, on, gone = SWITCHES[switch]
    before = uids(shared.children())
    assert gone <= before.keys()
    mark = shared.mark()
    shared.edit(off)
    until(lambda: not gone & uids(shared.children()).keys(), f"{gone} are gone", 30)
    shared.until_quiet()
    deletes = [call for call in shared.writes(mark) if call.verb == "delete"]
    assert len(deletes) == len(gone), [str(call) for call in deletes]
    assert uids(shared.children()) == {child: uid for child, uid in before.items() if child not in gone}
    assert any(all(child in event["note"] for child in gone) for event in shared.events("Pruned"))

    shared.edit(on)
    until(lambda: gone <= uids(shared.children()).keys(), f"{gone} are back", 30)
    shared.until_quiet()
    after = uids(shared.children())
    assert after.keys() == before.keys()
    assert {child for child in after if after[child] != before[child]} == gone


def test_a_route_becomes_an_ingress(shared: Place) -> None:
    exposure = {"type": "Ingress", "hosts": ["api.example.com"], "ingress": {"className": "traefik"}}
    shared.edit({"exposure": exposure, "networkPolicy": {"gatewayNamespaces": ["traefik"]}})
    until(lambda: "Ingress/novacron" in uids(shared.children()), "the Ingress exists", 30)
    until(lambda: "HTTPRoute/novacron" not in uids(shared.children()), "the HTTPRoute is gone", 30)
    shared.until_quiet()


def test_what_is_not_ours_is_never_pruned(shared: Place) -> None:
    """An object with our labels and no owner, one of another owner: left alone."""
    labels = shared.child("ConfigMap", "novacron-jwks")["metadata"]["labels"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "somebody", "uid": "00000000-0000-0000-0000-000000000001"}
    for name, owners in (("lookalike", []), ("adopted", [owner])):
        meta = {"name": name, "namespace": shared.namespace, "labels": labels, "ownerReferences": owners}
        shared.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    shared.complete_pass()
    mark = shared.mark()
    shared.complete_pass()
    assert [call for call in shared.journal.writes(mark, shared.namespace) if call.verb == "delete"] == []
    assert shared.client.get("ConfigMap", shared.namespace, "lookalike")
