"""The compiler against the API's semantics: a row a rule, then worlds that nobody thought of."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.netpol import manifests
from tests.support.netpol.box import NODE, WORLD
from tests.support.netpol.compile import compiled
from tests.support.netpol.semantics import allowed
from tests.support.netpol.worlds import Drawn, namespace, pod, policy, worlds
from tests.unit.support.netpol.ruleset import Packet, Ruleset

Manifest = dict[str, Any]

WEB, DB, FAR = "10.0.0.2", "10.0.0.3", "10.0.0.4"
_HTTP = {"name": "http", "containerPort": 80}
_WEB_PEER = {"podSelector": {"matchLabels": {"app": "web"}}}
_TO_DB = {"podSelector": {"matchLabels": {"app": "db"}}}
_NAMESPACES = [namespace("here", {"team": "a"}), namespace("there", {"team": "b"})]


def _pods() -> list[Manifest]:
    return [
        pod("here", "web", WEB, {"app": "web"}, {"name": "http", "containerPort": 8080}),
        pod("here", "db", DB, {"app": "db"}, _HTTP),
        pod("there", "far", FAR, {"app": "web"}, _HTTP),
    ]


def _lets(policies: list[Manifest], source: str, destination: str, port: int = 80, protocol: str = "TCP") -> bool:
    return _judge(policies, _pods(), source, destination, port, protocol)


def _judge(
    policies: list[Manifest],
    pods: list[Manifest],
    source: str,
    destination: str,
    port: int = 80,
    protocol: str = "TCP",
    network: str = "",
) -> bool:
    world = manifests.world(policies, pods, _NAMESPACES, IPv4Network(network) if network else None)
    hook = "output" if source == NODE else "input" if destination == NODE else "forward"
    return Ruleset(compiled(world)).lets(Packet(hook, source, destination, protocol, port))


def _ingress(*rules: Manifest, **spec: Any) -> Manifest:
    return policy("here", **{"podSelector": {}, "policyTypes": ["Ingress"], "ingress": list(rules), **spec})


def _egress(*rules: Manifest, **spec: Any) -> Manifest:
    return policy("here", **{"podSelector": {}, "policyTypes": ["Egress"], "egress": list(rules), **spec})


def _among(operator: str, *values: str) -> Manifest:
    expression = {"key": "app", "operator": operator} | ({"values": list(values)} if values else {})
    return {"from": [{"podSelector": {"matchExpressions": [expression]}}]}


@pytest.mark.parametrize(
    ("policies", "source", "destination", "expected"),
    [
        pytest.param([], FAR, DB, True, id="no policy isolates nobody"),
        pytest.param([_ingress()], WEB, DB, False, id="no rule allows nothing"),
        pytest.param([_ingress()], DB, FAR, True, id="a policy is of its namespace only"),
        pytest.param([_ingress(podSelector={"matchLabels": {"app": "web"}})], WEB, DB, True, id="only selected pods"),
        pytest.param([_ingress({})], FAR, DB, True, id="an empty rule allows everyone"),
        pytest.param([_ingress({"from": []})], FAR, DB, True, id="an empty list of peers is everyone"),
        pytest.param([_egress({"to": []})], DB, WORLD[0], True, id="an empty list of goals is everyone"),
        pytest.param([_ingress({"from": [_WEB_PEER]})], WEB, DB, True, id="pods of the policy's namespace"),
        pytest.param(
            [_ingress({"from": [_WEB_PEER]})], FAR, DB, False, id="a pod selector alone ends at the namespace"
        ),
        pytest.param([_ingress({"from": [{"podSelector": {}}]})], FAR, DB, False, id="an empty pod selector too"),
        pytest.param([_ingress({"from": [{"namespaceSelector": {}}]})], FAR, DB, True, id="every namespace"),
        pytest.param(
            [_ingress({"from": [{"namespaceSelector": {}}]})], WORLD[0], DB, False, id="which is not the world"
        ),
        pytest.param(
            [_ingress({"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]})],
            WEB,
            DB,
            False,
            id="by its labels",
        ),
        pytest.param(
            [_ingress({"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}, **_TO_DB}]})],
            FAR,
            DB,
            False,
            id="both selectors must match",
        ),
        pytest.param(
            [_ingress({"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}, _TO_DB]})],
            FAR,
            DB,
            True,
            id="two peers are alternatives",
        ),
        pytest.param([_ingress(_among("In", "web", "db"))], WEB, DB, True, id="In"),
        pytest.param([_ingress(_among("In", "db"))], WEB, DB, False, id="In, another value"),
        pytest.param([_ingress(_among("NotIn", "web"))], WEB, DB, False, id="NotIn"),
        pytest.param([_ingress(_among("Exists"))], WEB, DB, True, id="Exists"),
        pytest.param([_ingress(_among("DoesNotExist"))], WEB, DB, False, id="DoesNotExist"),
        pytest.param(
            [_ingress({"from": [{"ipBlock": {"cidr": f"{WEB}/31"}}]})], WEB, DB, True, id="a block, pods as well"
        ),
        pytest.param(
            [_ingress({"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{WEB}/32"]}}]})],
            WEB,
            DB,
            False,
            id="except",
        ),
        pytest.param(
            [_egress({"to": [{"ipBlock": {"cidr": "198.51.100.0/24", "except": ["198.51.100.64/26"]}}]})],
            DB,
            WORLD[0],
            True,
            id="a block of the world",
        ),
        pytest.param(
            [_egress({"to": [{"ipBlock": {"cidr": "198.51.100.0/24", "except": ["198.51.100.64/26"]}}]})],
            DB,
            WORLD[1],
            False,
            id="but for its exception",
        ),
        pytest.param(
            [_ingress({"from": [{"ipBlock": {"cidr": "fd00::/8"}}]})], WEB, DB, False, id="IPv6 allows nobody"
        ),
        pytest.param([_ingress(), _ingress({"from": [_WEB_PEER]})], WEB, DB, True, id="policies are alternatives"),
        pytest.param([_egress(), _ingress({})], WEB, DB, False, id="both sides must allow"),
        pytest.param([_ingress()], DB, WORLD[0], True, id="Ingress alone leaves egress free"),
        pytest.param([policy("here", podSelector={})], WEB, DB, False, id="no types is Ingress"),
        pytest.param([policy("here", podSelector={})], DB, WORLD[0], True, id="and not Egress"),
        pytest.param(
            [policy("here", podSelector={}, egress=[{"to": [_TO_DB]}])],
            WEB,
            WORLD[0],
            False,
            id="unless it has such rules",
        ),
        pytest.param(
            [policy("here", podSelector={}, egress=[])], DB, WORLD[0], True, id="an empty list is no such rule"
        ),
        pytest.param([_egress()], DB, NODE, False, id="the node's address is egress"),
        pytest.param(
            [_egress({"to": [{"ipBlock": {"cidr": f"{NODE}/32"}}]})], DB, NODE, True, id="a block lets through"
        ),
        pytest.param([_egress({"to": [{"namespaceSelector": {}}]})], DB, NODE, False, id="no selector means the node"),
        pytest.param([_ingress()], NODE, DB, True, id="the node is always let in"),
        pytest.param([_ingress(), _egress()], DB, DB, True, id="a pod reaches itself"),
    ],
)
def test_who_may_reach_whom(policies: list[Manifest], source: str, destination: str, expected: bool) -> None:
    assert _lets(policies, source, destination) is expected


@pytest.mark.parametrize(
    ("ports", "protocol", "port", "expected"),
    [
        pytest.param([], "UDP", 53, True, id="no ports are all ports"),
        pytest.param([{"port": 80}], "TCP", 80, True, id="a number"),
        pytest.param([{"port": 80}], "TCP", 81, False, id="another number"),
        pytest.param([{"port": 80}], "UDP", 80, False, id="TCP is the default"),
        pytest.param([{"port": 80, "protocol": "SCTP"}], "SCTP", 80, True, id="SCTP"),
        pytest.param([{"protocol": "UDP"}], "UDP", 9999, True, id="a protocol alone is all its ports"),
        pytest.param([{"protocol": "UDP"}], "TCP", 9999, False, id="of no other protocol"),
        pytest.param([{"port": 80, "endPort": 90}], "TCP", 90, True, id="a range has its end"),
        pytest.param([{"port": 80, "endPort": 90}], "TCP", 91, False, id="and ends there"),
        pytest.param(
            [{"port": 80, "endPort": 90}, {"port": 85}, {"port": 91}], "TCP", 91, True, id="overlaps are merged"
        ),
        pytest.param([{"port": "http"}], "TCP", 80, True, id="a name, as the goal means it"),
        pytest.param([{"port": "http"}], "TCP", 8080, False, id="not as another pod means it"),
        pytest.param([{"port": "http", "protocol": "UDP"}], "UDP", 80, False, id="a name has its protocol"),
        pytest.param([{"port": "ftp"}], "TCP", 80, False, id="a name that nobody has allows nothing"),
    ],
)
@pytest.mark.parametrize("rule", [_ingress, _egress])
def test_ports(rule: Any, ports: list[Manifest], protocol: str, port: int, expected: bool) -> None:
    assert _lets([rule({"ports": ports})], WEB, DB, port, protocol) is expected


def test_one_name_means_another_port_at_each_goal() -> None:
    policies = [_egress({"ports": [{"port": "http"}]})]
    assert _lets(policies, DB, WEB, 8080)
    assert not _lets(policies, DB, WEB, 80)
    assert _lets(policies, WEB, DB, 80)
    assert not _lets(policies, DB, WORLD[0], 80)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"phase": "Succeeded"}, "ended"),
        ({"phase": "Failed"}, "ended"),
        ({"podIP": "", "podIPs": []}, "not started"),
    ],
)
def test_a_pod_without_an_address_of_its_own_is_no_peer_and_no_subject(change: Manifest, reason: str) -> None:
    pods = _pods()
    pods[0]["status"] |= change
    rule = _ingress({"from": [_WEB_PEER]}, podSelector={"matchLabels": {"app": "db"}})
    assert not _judge([rule], pods, WEB, DB), reason
    assert _judge([_ingress()], pods, DB, WEB), reason


def test_a_pod_of_the_nodes_network_is_the_node() -> None:
    pods = _pods()
    pods[0]["spec"]["hostNetwork"] = True
    pods[0]["status"] |= {"podIP": NODE, "podIPs": [{"ip": NODE}]}
    assert not _judge([_egress({"to": [_WEB_PEER]})], pods, DB, NODE)
    assert _judge([_ingress()], pods, NODE, DB)


def test_a_sidecars_ports_have_names_too() -> None:
    pods = _pods()
    pods[1]["spec"]["initContainers"] = [
        {"name": "side", "restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 81}]},
        {"name": "once", "ports": [{"name": "side", "containerPort": 82}]},
    ]
    policies = [_ingress({"ports": [{"port": "side"}]})]
    assert _judge(policies, pods, WEB, DB, 81)
    assert not _judge(policies, pods, WEB, DB, 82)


@pytest.mark.parametrize("order", [1, -1])
def test_an_address_is_the_pods_that_stays(order: int) -> None:
    """The API remembers a pod for a while after another one has got its address."""
    leaving = pod("here", "leaving", WEB, {"app": "leaving"})
    leaving["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "creationTimestamp": "2026-01-01T00:00:01Z"}
    rule = _ingress({"from": [{"podSelector": {"matchLabels": {"app": "leaving"}}}]})
    assert not _judge([rule], [*_pods(), leaving][::order], WEB, DB)


def test_unknown_addresses_of_the_pod_network_are_cut_off_while_a_policy_exists() -> None:
    unknown = "10.0.0.200"
    for policies, expected in (([], True), ([policy("there", podSelector={"matchLabels": {"app": "none"}})], False)):
        for source, destination in ((unknown, DB), (DB, unknown), (unknown, NODE), (unknown, WORLD[0])):
            assert _judge(policies, _pods(), source, destination, network="10.0.0.0/24") is expected
        assert _judge(policies, _pods(), WEB, DB, network="10.0.0.0/24")
        assert _judge(policies, _pods(), NODE, unknown, network="10.0.0.0/24")
    assert _judge([_ingress()], _pods(), unknown, FAR)


def test_equally_selected_pods_share_their_rules() -> None:
    few, many = (
        compiled(manifests.world([_ingress({"from": [_WEB_PEER]})], _some_pods(count), _NAMESPACES))
        for count in (2, 200)
    )
    assert len(few.splitlines()) == len(many.splitlines())


def _some_pods(count: int) -> list[Manifest]:
    return [
        pod("here", f"pod-{number}", f"10.1.{number // 250}.{number % 250 + 1}", {"app": "web"})
        for number in range(count)
    ]


@given(worlds())
@settings(deadline=None)
def test_every_world_is_judged_as_the_api_says(drawn: Drawn) -> None:
    ruleset = Ruleset(compiled(manifests.world(drawn.policies, drawn.pods, drawn.namespaces)))
    for attempt, source, destination in drawn.attempts():
        hook = "output" if source.node else "input" if destination.node else "forward"
        packet = Packet(hook, source.address, destination.address, attempt.protocol, attempt.port)
        expected = allowed(drawn.policies, drawn.namespaces, source, destination, attempt.protocol, attempt.port)
        assert ruleset.lets(packet) is expected, (attempt, expected)
