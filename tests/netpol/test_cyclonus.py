"""Cyclonus' cases with real packets, judged by cyclonus itself: an oracle that shares nothing with this project."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from tests.netpol.conftest import Node, assert_equal
from tests.support.netpol import cyclonus
from tests.support.netpol.box import Box
from tests.support.netpol.cyclonus import PORTS, Step
from tests.support.netpol.semantics import allowed, end_of

_PODS = 11
"""Nine from the start, and those that cases add."""
_GROUPS = ("conflict", "upstream-e2e", "example", "action", "peer-ipblock", "end-port", "named-port", "multi-peer")
"""Cyclonus' own tags."""
_OTHERS = "others"


@pytest.fixture(scope="module", params=["ptp", "bridge"])
def node(request: pytest.FixtureRequest, node_with: Callable[[Box, Sequence[int]], Node]) -> Node:
    network = IPv4Network("192.168.1.0/24")
    addresses = tuple(IPv4Address(f"192.168.1.{number}") for number in range(1, _PODS + 1))
    return node_with(Box(addresses, network, request.param), PORTS)


@pytest.fixture(scope="module")
def steps() -> tuple[Step, ...]:
    return cyclonus.steps()


@pytest.mark.parametrize("group", [*_GROUPS, _OTHERS])
def test_what_passes_is_what_cyclonus_says(node: Node, steps: tuple[Step, ...], group: str) -> None:
    chosen = [step for step in steps if _group(step) == group]
    assert chosen
    for step in chosen:
        node.apply(step.policies, step.pods, step.namespaces)
        passed = node.exchange.passed(step.verdicts)
        expected = {attempt for attempt, verdict in step.verdicts.items() if verdict}
        assert_equal(passed, expected, step.case)


def _group(step: Step) -> str:
    """The first that fits, so that each step runs once."""
    return next((group for group in _GROUPS if group in step.tags), _OTHERS)


def test_our_own_judge_says_the_same(steps: tuple[Step, ...]) -> None:
    """Of all cases; the drawn worlds are judged by it."""
    assert len(steps) > 200
    for step in steps:
        ends = {end.address: end for end in map(end_of, step.pods)}
        for attempt, verdict in step.verdicts.items():
            source, destination = ends[attempt.source], ends[attempt.destination]
            found = allowed(step.policies, step.namespaces, source, destination, attempt.protocol, attempt.port)
            assert found is verdict, (step.case, attempt)


def test_the_tool_itself_says_which_cases_failed(tmp_path: Path) -> None:
    """On the cluster that it brings in memory, which lets everything through."""
    report = tmp_path / "report.xml"
    command = [cyclonus.program("cyclonus-cli"), "generate", "--mock", "--include=conflict", "--ignore-loopback"]
    command += ["--perturbation-wait-seconds=0", f"--junit-results-file={report}"]
    subprocess.run(command, capture_output=True, check=True)
    found = cyclonus.failed(report)
    assert "deny all from source, allow all to dest" in found
    assert "deny all + allow all to same dest" not in found
