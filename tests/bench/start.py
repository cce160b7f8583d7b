"""What it takes to start: wall time and peak memory of the commands, and of the operator until it leads."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from statistics import median

import yaml

from tests.bench.facts import peak, resident
from tests.bench.report import Row
from tests.bench.server import Bench, resource

CASE = "start"
_REPEATS = 5
_STARTS = 3
_MEASURE = """
import json, resource, subprocess, sys, time
started = time.monotonic()
done = subprocess.run(sys.argv[1:], stdin=sys.stdin, stdout=subprocess.DEVNULL)
seconds = time.monotonic() - started
print(json.dumps([done.returncode, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6]))
"""
"""A small parent: the kernel counts a parent's own memory at the fork as the child's, and the bench's is large."""


async def run(bench: Bench) -> list[Row]:
    body = yaml.dump(resource("novacron"), Dumper=yaml.CSafeDumper)
    rows = []
    for text, arguments in (
        ("python -c pass, for comparison", ("-c", "pass")),
        ("novacron --help", ("-m", "novacron", "--help")),
        ("novacron crd", ("-m", "novacron", "crd")),
        ("novacron render -f minimal.yaml", ("-m", "novacron", "render", "-f", "-")),
    ):
        rows += await asyncio.to_thread(_command, text, arguments, body)
    return rows + await _operator(bench)


async def _operator(bench: Bench) -> list[Row]:
    """Each start finds the lease released, so no wait for a dead holder is in the time."""
    leading, ready, memory = [], [], []
    for _ in range(_STARTS):
        started = time.monotonic()
        with bench.operator("start") as operator:
            await asyncio.to_thread(operator.until_leading)
            leading.append(time.monotonic() - started)
            await asyncio.to_thread(operator.until_ready)
            ready.append(time.monotonic() - started)
            memory.append((resident(operator.pid), peak(operator.pid)))
            await asyncio.to_thread(operator.stop)
    note = f"median of {_STARTS}, looked at every 0.1 s"
    return [
        Row(CASE, "novacron run: until it leads", median(leading), "s", note=note),
        Row(CASE, "novacron run: until /readyz answers 200", median(ready), "s", note=note),
        Row(CASE, "novacron run, idle: resident", max(rss for rss, _high in memory), "MB"),
        Row(CASE, "novacron run, idle: peak", max(high for _rss, high in memory), "MB"),
    ]


def _command(text: str, arguments: tuple[str, ...], body: str) -> list[Row]:
    seconds, memory = zip(*(once(arguments, body) for _ in range(_REPEATS)), strict=True)
    note = f"median of {_REPEATS}"
    return [
        Row(CASE, f"{text}: time", median(seconds), "s", note=note),
        Row(CASE, f"{text}: peak memory", max(memory), "MB"),
    ]


def once(arguments: tuple[str, ...], body: str) -> tuple[float, float]:
    """Seconds and MB; raises where the command fails."""
    command = [sys.executable, "-S", "-c", _MEASURE, sys.executable, *arguments]
    done = subprocess.run(command, input=body, capture_output=True, text=True, check=True)
    code, seconds, memory = json.loads(done.stdout)
    if code:
        raise subprocess.CalledProcessError(code, arguments, stderr=done.stderr)
    return seconds, memory
