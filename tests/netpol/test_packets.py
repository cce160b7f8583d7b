"""Real packets through the kernel: it makes of the compiler's rulesets what the API says."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.netpol.conftest import Node, assert_equal
from tests.support.netpol import manifests, nft
from tests.support.netpol.box import NODE, WORLD
from tests.support.netpol.compile import compiled
from tests.support.netpol.traffic import Attempt
from tests.support.netpol.worlds import ADDRESSES, NETWORK, PORTS, Drawn, namespace, pod, policy, worlds

Manifest = dict[str, Any]

_FIRST, _SECOND, _THIRD = ADDRESSES[:3]
_NAMESPACES = [namespace("x", {})]
_CLOSED = policy("x", podSelector={}, policyTypes=["Ingress", "Egress"])
_SERVICE = "10.96.0.10"
_DNAT = f"""
table ip services {{
  chain nat {{ type nat hook prerouting priority dstnat; ip daddr {_SERVICE} tcp dport 443 dnat to {_SECOND}:80; }}
  chain hairpin {{ type nat hook postrouting priority srcnat; ip saddr {_SECOND} ip daddr {_SECOND} masquerade; }}
}}
"""


def _pods() -> list[Manifest]:
    return [pod("x", f"pod-{number}", address, {"app": str(number)}) for number, address in enumerate(ADDRESSES)]


@given(drawn=worlds())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_world_is_judged_as_the_api_says(node: Node, drawn: Drawn) -> None:
    node.assert_as_the_api_says(drawn)


def test_without_rules_everything_passes(node: Node) -> None:
    """What is stopped in the other tests is stopped by the rules."""
    node.forget()
    attempts = {attempt for attempt, *_ in Drawn([], _pods(), _NAMESPACES).attempts()}
    assert_equal(node.exchange.passed(attempts), attempts)


def test_unknown_addresses_are_cut_off_but_for_the_node(node: Node) -> None:
    node.apply([policy("x", podSelector={"matchLabels": {"app": "none"}})], _pods()[1:], _NAMESPACES, NETWORK)
    barred = {(_FIRST, _SECOND), (_SECOND, _FIRST), (_FIRST, WORLD[0]), (_FIRST, NODE)}
    free = {(NODE, _FIRST), (_SECOND, _THIRD), (_SECOND, WORLD[0]), (_SECOND, NODE)}
    attempts = {Attempt(*pair, "TCP", 80): pair in free for pair in barred | free}
    assert_equal(node.exchange.passed(attempts), {attempt for attempt, free_one in attempts.items() if free_one})


def test_a_connection_outlives_the_rule_that_allowed_it_and_a_new_one_is_refused(node: Node) -> None:
    node.apply([], _pods(), _NAMESPACES)
    with node.box.pods[_SECOND].entered():
        server = socket.create_server((_SECOND, 5000))
    with node.box.pods[_FIRST].entered():
        client = socket.create_connection((_SECOND, 5000), timeout=5)
    accepted, _ = server.accept()
    with server, client, accepted:
        node.apply([_CLOSED], _pods(), _NAMESPACES)
        client.sendall(b"still there")
        accepted.settimeout(5)
        assert accepted.recv(32) == b"still there"
        assert node.exchange.passed([Attempt(_FIRST, _SECOND, "TCP", 80)]) == set()


def test_a_reply_needs_no_rule_of_its_own(node: Node) -> None:
    """The first may send to the second, nobody may send to the first; datagrams go back all the same."""
    to_second = {"to": [{"podSelector": {"matchLabels": {"app": "1"}}}]}
    policies = [
        policy(
            "x",
            "first",
            podSelector={"matchLabels": {"app": "0"}},
            policyTypes=["Ingress", "Egress"],
            egress=[to_second],
        ),
        policy("x", "second", podSelector={"matchLabels": {"app": "1"}}, policyTypes=["Egress"]),
    ]
    node.apply(policies, _pods(), _NAMESPACES)
    with node.box.pods[_SECOND].entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with node.box.pods[_FIRST].entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        server.bind((_SECOND, 5001))
        server.settimeout(5)
        client.settimeout(5)
        client.sendto(b"question", (_SECOND, 5001))
        _, sender = server.recvfrom(32)
        server.sendto(b"answer", sender)
        assert client.recv(32) == b"answer"
    assert node.exchange.passed([Attempt(_SECOND, _FIRST, "UDP", 80)]) == set()


@pytest.mark.parametrize(
    ("allowed_app", "source", "expected"),
    [
        pytest.param("0", _FIRST, True, id="judged by the pod that was chosen and by its port"),
        pytest.param("2", _FIRST, False, id="not by the service's address"),
        pytest.param("2", _SECOND, True, id="a pod reaches itself through its service"),
    ],
)
def test_services(node: Node, allowed_app: str, source: str, expected: bool) -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": allowed_app}}}], "ports": [{"port": 80}]}
    subject = policy("x", podSelector={"matchLabels": {"app": "1"}}, policyTypes=["Ingress", "Egress"], ingress=[rule])
    node.apply([subject], _pods(), _NAMESPACES)
    node.load(_DNAT)
    try:
        found = node.exchange.passed([Attempt(source, _SERVICE, "TCP", 443)])
        assert bool(found) is expected
    finally:
        node.load("delete table ip services")


def test_a_refused_ruleset_leaves_the_one_before_in_force(node: Node) -> None:
    node.apply([_CLOSED], _pods(), _NAMESPACES)
    with pytest.raises(nft.NftError, match="syntax error"):
        node.load("table ip novacron_netpol {}\ndelete table ip novacron_netpol\nnonsense\n")
    assert node.exchange.passed([Attempt(_FIRST, _SECOND, "TCP", 80)]) == set()


def test_debians_own_nft_from_the_cache_applies_rules(node: Node) -> None:
    """For machines that have none."""
    node.forget()
    unpacked = nft.unpacked()  # before entering: what is not cached yet is fetched, and the node has no way out
    with node.box.node.entered():
        unpacked.apply_here(compiled(manifests.world([_CLOSED], _pods(), _NAMESPACES)))
    attempt = Attempt(_FIRST, _SECOND, "TCP", PORTS[0])
    assert node.exchange.passed([attempt]) == set()
    node.forget()
    assert node.exchange.passed([attempt]) == {attempt}


def test_fifty_pods_and_twenty_policies_are_in_force_within_a_second(node: Node) -> None:
    """The goal is a tenth of it; the rest is for a machine that is busy."""
    pods = [pod("x", f"pod-{number}", f"10.0.0.{number + 2}", {"app": str(number % 5)}) for number in range(50)]
    peers = [{"podSelector": {"matchLabels": {"app": str(number % 5)}}} for number in range(20)]
    policies = [
        policy(
            "x",
            f"policy-{number}",
            podSelector=peer["podSelector"],
            policyTypes=["Ingress", "Egress"],
            ingress=[{"from": [peer]}],
        )
        for number, peer in enumerate(peers)
    ]
    started = time.monotonic()
    node.apply(policies, pods, _NAMESPACES)
    assert time.monotonic() - started < 1.0
