"""What the image costs beside the one that one would make without a thought: bytes, files, time to start, memory."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from image import oci
from image.build import build
from image.oci import Layer
from tests.bench.facts import peak, resident
from tests.bench.report import Goal, Row
from tests.bench.server import Bench, resource
from tests.support.image_root import Root, unpacked
from tests.support.naive_image import naive
from tests.support.operator_process import OperatorProcess

CASE = "image"
_SMALLER = Goal("at most", 0.6)
_FASTER = Goal("at most", 0.7)
_REPEATS = 15
_STARTS = 5
_KUBECONFIG = "kubeconfig"
_COMMANDS = (("--help",), ("crd",), ("render", "-f", "-"), ("run", "--help"))
_MEASURE = """
import json, resource, subprocess, sys, time
text = sys.stdin.read()
started = time.monotonic()
done = subprocess.run(sys.argv[1:], input=text, text=True, stdout=subprocess.DEVNULL)
seconds = time.monotonic() - started
print(json.dumps([done.returncode, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6]))
"""
"""Runs inside the root: what its mounts cost is in no time."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes as a registry and as a node hold an image, and its files."""

    compressed: int
    unpacked: int
    files: int


@dataclass(frozen=True, slots=True)
class Image:
    """One side of the comparison, ready to run from."""

    name: str
    root: Root
    size: Size


@contextmanager
def images() -> Iterator[tuple[Image, Image]]:
    """Ours and the naive one, built now. Needs root."""
    if os.geteuid():
        raise PermissionError("the case image needs root, for chroot: run it as root, or leave it out with --only")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        built = build(home / "ours.tar", "localhost/novacron:bench", accept_newer=True)
        layers = built.layers
        whole = Size(sum(x.size for x in layers), sum(x.unpacked for x in layers), sum(x.files for x in layers))
        ours = Image("image", unpacked(built.archive, home / "ours"), whole)
        other = naive(home / "naive")
        packed = oci.write_layer(Layer(other.path), home / "naive.layer")
        yield ours, Image("naive", other, Size(packed.size, packed.unpacked, packed.files))


async def run(bench: Bench) -> list[Row]:
    with images() as pair:
        rows = _sizes(*pair)
        body = yaml.dump(resource("novacron"), Dumper=yaml.CSafeDumper)
        for arguments in _COMMANDS:
            rows += await asyncio.to_thread(_command, pair, arguments, body)
        return rows + await asyncio.to_thread(_operator, pair, bench)


def _sizes(ours: Image, other: Image) -> list[Row]:
    rows = []
    for what, goal in (("compressed", _SMALLER), ("unpacked", _SMALLER)):
        here, there = (getattr(image.size, what) for image in (ours, other))
        rows += [Row(CASE, f"{image.name}: {what}", getattr(image.size, what) / 1e6, "MB") for image in (ours, other)]
        rows.append(Row(CASE, f"image / naive: {what}", here / there, "", goal=goal))
    rows += [Row(CASE, f"{image.name}: files", image.size.files, "") for image in (ours, other)]
    return [*rows, Row(CASE, "image / naive: files", ours.size.files / other.size.files, "")]


def _command(pair: Sequence[Image], arguments: Sequence[str], body: str) -> list[Row]:
    """Both sides in turn, so that what else the machine does falls on both."""
    taken = [[_once(image.root, arguments, body) for image in pair] for _ in range(_REPEATS)]
    text = f"novacron {' '.join(arguments)}"
    times, peaks = ([[side[part] for side in turn] for turn in taken] for part in (0, 1))
    return compared(CASE, text, times, peaks, f"least of {_REPEATS}, in turn")


def _once(root: Root, arguments: Sequence[str], body: str) -> tuple[float, float]:
    """Seconds and MB."""
    code, seconds, memory = json.loads(root.python(_MEASURE, *root.entrypoint, *arguments, given=body))
    if code:
        raise subprocess.CalledProcessError(code, [*root.entrypoint, *arguments])
    return seconds, memory


def _operator(pair: Sequence[Image], bench: Bench) -> list[Row]:
    """``novacron run`` from the start of its process until it is ready; each start finds the lease released."""
    text = bench.plane.kubectl("config", "view", "--raw", "--flatten")
    times, peaks = [], []
    for image in pair:
        (image.root.path / _KUBECONFIG).write_text(text)
        (image.root.path / _KUBECONFIG).chmod(0o644)  # of a plane that lives as long as the bench
    for _ in range(_STARTS):
        turn = [_started(image, bench) for image in pair]
        times.append([seconds for seconds, _memory in turn])
        peaks.append([memory for _seconds, memory in turn])
    return compared(
        CASE,
        "novacron run until /readyz answers 200",
        times,
        peaks,
        f"least of {_STARTS}, in turn, looked at every 10 ms",
    )


def _started(image: Image, bench: Bench) -> tuple[float, float]:
    command = image.root.command(*image.root.entrypoint, "run")
    started = time.monotonic()
    with OperatorProcess(
        Path("/", _KUBECONFIG), bench.plane.directory / "operators", name=image.name, command=command
    ) as operator:
        while operator.readiness()[0] != 200:
            operator.checked()
            time.sleep(0.01)
        seconds, memory = time.monotonic() - started, max(resident(operator.pid), peak(operator.pid))
        operator.stop()
    return seconds, memory


def compared(
    case: str, text: str, times: Sequence[Sequence[float]], peaks: Sequence[Sequence[float]], note: str
) -> list[Row]:
    """Of pairs: ours and the other. The least time of each: what else the machine does only adds to it."""
    ours, other = (min(turn[side] for turn in times) for side in (0, 1))
    mine, theirs = (median(turn[side] for turn in peaks) for side in (0, 1))
    return [
        Row(case, f"{text}: image", ours, "s", note=note),
        Row(case, f"{text}: naive", other, "s", note=note),
        Row(case, f"{text}: image / naive", ours / other, "", goal=_FASTER),
        Row(case, f"{text}: image, memory", mine, "MB"),
        Row(case, f"{text}: memory, image / naive", mine / theirs, ""),
    ]
