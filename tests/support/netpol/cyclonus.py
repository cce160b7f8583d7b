"""Cyclonus' test cases with its own verdicts, and the command that runs it against a real node."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.support.controlplane.build import built
from tests.support.netpol.traffic import Attempt
from tests.support.netpol.worlds import PROTOCOLS, Manifest, namespace, pod

_MODULE = Path(__file__).parents[2] / "netpol" / "cyclonus"
_AGNHOST = Path(__file__).parents[2] / "netpol" / "agnhost"
PORTS = (80, 81)
"""That each of its pods serves, in every protocol."""


@dataclass(frozen=True, slots=True)
class Step:
    """A state of the cluster, and what cyclonus says of every pair of pods in it.

    Args:
        case: its place among the cases and its description.
        verdicts: without those of a pod to itself, which cyclonus leaves to the engine.
    """

    case: str
    tags: frozenset[str]
    policies: Sequence[Manifest]
    pods: Sequence[Manifest]
    namespaces: Sequence[Manifest]
    verdicts: dict[Attempt, bool]


@functools.cache
def steps() -> tuple[Step, ...]:
    """All of them, from a program that was built once."""
    done = subprocess.run([program("cyclonus")], capture_output=True, text=True, check=True)
    return tuple(_step(number, json.loads(line)) for number, line in enumerate(done.stdout.splitlines()))


def program(name: str) -> str:
    """``cyclonus`` prints cases and verdicts; ``cyclonus-cli`` is the tool itself.

    Raises:
        BuildError, ToolchainError: with the remedy.
    """
    targets = {"cyclonus": (".",), "cyclonus-cli": ("tool",)}
    return str(built(f"netpol-{name}", _MODULE, targets[name]) / "cyclonus")


def agnhost() -> Path:
    """The program of the image that cyclonus starts as pods: static, to be packed as ``/agnhost``."""
    return built("netpol-agnhost", _AGNHOST, ("tool",), ("-ldflags", "-s -w")) / "agnhost"


def run(
    kubeconfig: Path, registry: str, report: Path, *include: str, protocols: Sequence[str] = ("tcp", "udp")
) -> list[str]:
    """Cyclonus' cases with real pods: the ones that failed. Its tables go to this process' output.

    Args:
        registry: what stands before ``/e2e-test-images/agnhost:2.43`` in the name of an image that the node has.
        report: file for its report, in JUnit's format.
        include: tags of the cases, as ``conflict``; none means all that it runs by default.

    Raises:
        CalledProcessError: it could not run.
    """
    command = [program("cyclonus-cli"), "generate", "--cleanup-namespaces", "--ignore-loopback", "--retries=2"]
    command += [f"--image-registry={registry}", f"--include={','.join(include)}", "--destination-type=pod-ip"]
    command += [f"--server-protocol={','.join(protocols)}", "--perturbation-wait-seconds=1", "--job-timeout-seconds=2"]
    command.append(f"--junit-results-file={report}")
    subprocess.run(command, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, check=True)
    return failed(report)


def failed(report: Path) -> list[str]:
    """Descriptions of the cases that a report calls failed; cyclonus itself ends with 0 either way."""
    cases = ElementTree.parse(report).iterfind("testcase")  # noqa: S314 - written by a program that was built here
    return [case.get("name", "") for case in cases if case.find("failure") is not None]


def _step(number: int, line: dict[str, Any]) -> Step:
    addresses = {key: found["address"] for key, found in line["pods"].items()}
    ports = [
        {"name": f"serve-{port}-{protocol.lower()}", "containerPort": port, "protocol": protocol}
        for port in PORTS
        for protocol in PROTOCOLS
    ]
    return Step(
        f"{number}: {line['case']}",
        frozenset(line["tags"]),
        line["policies"],
        [
            pod(found["namespace"], found["name"], found["address"], found["labels"], *ports)
            for found in line["pods"].values()
        ],
        [namespace(name, labels) for name, labels in line["namespaces"].items()],
        {
            Attempt(addresses[probe["from"]], addresses[probe["to"]], probe["protocol"], probe["port"]): probe[
                "allowed"
            ]
            for probe in line["probes"]
            if probe["from"] != probe["to"]
        },
    )
