"""Boxes of network namespaces, and the rules that stand in them. Needs root."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

import pytest

from tests.support.netpol import manifests, nft, worlds
from tests.support.netpol.box import Box
from tests.support.netpol.compile import TABLE, compiled
from tests.support.netpol.semantics import allowed
from tests.support.netpol.traffic import Attempt, Exchange
from tests.support.netpol.worlds import Drawn, Manifest


@dataclass(slots=True)
class Node:
    """A box with rules and traffic."""

    box: Box
    exchange: Exchange

    def apply(
        self, policies: Sequence[Manifest], pods: Sequence[Manifest], namespaces: Sequence[Manifest], network: str = ""
    ) -> None:
        known = IPv4Network(network) if network else None
        self.load(compiled(manifests.world(policies, pods, namespaces, known)))

    def load(self, ruleset: str) -> None:
        with self.box.node.entered():
            nft.find().apply_here(ruleset)

    def forget(self) -> None:
        self.load(f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\n")

    def assert_as_the_api_says(self, drawn: Drawn) -> None:
        self.apply(drawn.policies, drawn.pods, drawn.namespaces)
        attempts = drawn.attempts()
        expected = {
            attempt
            for attempt, source, destination in attempts
            if allowed(drawn.policies, drawn.namespaces, source, destination, attempt.protocol, attempt.port)
        }
        assert_equal(self.exchange.passed(attempt for attempt, *_ in attempts), expected)


def assert_equal(passed: set[Attempt], expected: set[Attempt], about: str = "") -> None:
    assert passed == expected, f"{about}\nlet through: {passed - expected}\nstopped: {expected - passed}"


@pytest.fixture(scope="session")
def node_with() -> Iterator[Callable[[Box, Sequence[int]], Node]]:
    """Builds nodes that last for the session."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def made(box: Box, ports: Sequence[int]) -> Node:
            stack.enter_context(box)
            return Node(box, stack.enter_context(Exchange(box, ports)))

        yield made


@pytest.fixture(scope="session", params=["ptp", "bridge"])
def node(request: pytest.FixtureRequest, node_with: Callable[[Box, Sequence[int]], Node]) -> Node:
    """Five pods, as both plugins join them."""
    addresses = tuple(map(IPv4Address, worlds.ADDRESSES))
    return node_with(Box(addresses, IPv4Network(worlds.NETWORK), request.param), worlds.PORTS)
