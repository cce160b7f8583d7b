"""Cyclonus' cases with real packets, judged by cyclonus itself: an oracle that shares nothing with this project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network

import pytest

from tests.netpol.conftest import Node, assert_equal
from tests.support.netpol import cyclonus
from tests.support.netpol.box import Box
from tests.support.netpol.cyclonus import PORTS, Step
from tests.support.netpol.semantics import allowed, end_of

_PODS = 11
"""Nine from the start, and those that cases add."""


@pytest.fixture(scope="module", params=["ptp", "bridge"])
def node(request: pytest.FixtureRequest, node_with: Callable[[Box, Sequence[int]], Node]) -> Node:
    network = IPv4Network("192.168.1.0/24")
    addresses = tuple(IPv4Address(f"192.168.1.{number}") for number in range(1, _PODS + 1))
    return node_with(Box(addresses, network, request.param), PORTS)


@pytest.fixture(scope="module")
def steps() -> tuple[Step, ...]:
    return cyclonus.steps()


@pytest.mark.parametrize(
    "tag", ["conflict", "direction", "action", "peer-ipblock", "named-port", "end-port", "target", "rule"]
)
def test_what_passes_is_what_cyclonus_says(node: Node, steps: tuple[Step, ...], tag: str) -> None:
    chosen = [step for step in steps if tag in step.tags]
    assert chosen
    for step in chosen:
        node.apply(step.policies, step.pods, step.namespaces)
        passed = node.exchange.passed(step.verdicts)
        expected = {attempt for attempt, verdict in step.verdicts.items() if verdict}
        assert passed == expected, step.case
        assert_equal(passed, expected)


def test_our_own_judge_says_the_same(steps: tuple[Step, ...]) -> None:
    """Of all cases; the drawn worlds are judged by it."""
    assert len(steps) > 200
    for step in steps:
        ends = {end.address: end for end in map(end_of, step.pods)}
        for attempt, verdict in step.verdicts.items():
            source, destination = ends[attempt.source], ends[attempt.destination]
            found = allowed(step.policies, step.namespaces, source, destination, attempt.protocol, attempt.port)
            assert found is verdict, (step.case, attempt)
