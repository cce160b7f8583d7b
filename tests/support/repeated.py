"""A day of jobs, one after the other in one process: its memory after each. Run as a program, as the service runs jobs.

Tables differ from job to job in what a process could keep of them: names of columns, texts, sizes, formats, ends.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """Of jobs.

    Args:
        table: rows of it, of a job's own chance.
        packed: what the job sends of them.
        plan: members of the pipeline's plan that are not as usual.
        refused: part of what the job is refused with; none where it gives an answer.
    """

    table: Callable[[random.Random], Sequence[Mapping[str, Any]]]
    packed: Callable[[Sequence[Mapping[str, Any]]], bytes]
    plan: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""


def _usual(chance: random.Random) -> Sequence[Mapping[str, Any]]:
    names = [f"n{chance.getrandbits(40)}" for _ in range(8)]
    zones = [f"zone-{chance.getrandbits(40)}" for _ in range(50)]
    return [
        {name: round(chance.lognormvariate(3, 2), 3) for name in names} | {"zone": chance.choice(zones)}
        for _ in range(1500)
    ]


def _wide(chance: random.Random) -> Sequence[Mapping[str, Any]]:
    names = [f"n{chance.getrandbits(40)}" for _ in range(400)]
    return [{name: chance.randrange(1000) for name in names} for _ in range(30)]


def _unique(chance: random.Random) -> Sequence[Mapping[str, Any]]:
    return [{"id": f"user-{chance.getrandbits(80)}", "at": at} for at in range(3000)]


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _array(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps(rows).encode()


def _table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    texts = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    return "".join(text + "\n" for text in texts).encode()


def _pressed(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return gzip.compress(_lines(rows), 1)


def _torn(rows: Sequence[Mapping[str, Any]]) -> bytes:
    whole = _pressed(rows)
    return whole[: len(whole) // 2]


def _with_bad_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return _lines(rows).replace(b"}\n", b"\n", 30)


KINDS = (
    Kind(_usual, _lines),
    Kind(_usual, _array),
    Kind(_usual, _table),
    Kind(_usual, _pressed),
    Kind(_wide, _lines),
    Kind(_unique, _lines, {"max_distinct": 50_000}),
    Kind(_unique, _lines, {"max_distinct": 50_000, "median": "kll", "categories": "misra-gries"}),
    Kind(_usual, _with_bad_lines),
    Kind(_usual, _torn, refused="gzip"),
    Kind(_usual, _lines, {"max_spill": 1000}, refused="spill"),
)
"""Each in its turn, so that ten jobs have seen all."""


def job(number: int, directory: Path) -> None:
    """One of them, from its bytes to its answer, all of it given back. Raises ``AssertionError``: it went otherwise."""
    from novacron.core.errors import NovaCronError
    from novacron.ml.domain.budget import Pace
    from novacron.ml.domain.features import Rejected
    from novacron.ml.service.pipeline import Pipeline, Plan
    from novacron.ml.service.pressure import Budget
    from novacron.ml.service.sources.opened import opened
    from novacron.ml.service.sources.report import Report

    kind = KINDS[number % len(KINDS)]
    rows = kind.table(random.Random(number))
    stream, report = io.BytesIO(kind.packed(rows)), Report(strict=False)
    plan = Plan(Budget(200_000_000), directory, **kind.plan)
    said = ""
    try:
        with Pipeline(plan, Pace()) as pipeline:
            pipeline.run(opened(stream, pace=pipeline.pace, report=report))
            features = pipeline.finish(Rejected(report.count, report.first))
            document = json.loads(b"".join(features.json()))
            assert document["rows"] + report.count == len(rows), (number, document["rows"], report.count)
    except NovaCronError as error:
        said = str(error)
    assert (kind.refused in said) if kind.refused else not said, (number, said)


def main(jobs: int) -> None:
    """Prints a JSON object a job: bytes that are resident after it, and what is open."""
    from novacron.adapters import memory
    from novacron.roles import processor

    processor.prepare()
    memory.keep()
    with tempfile.TemporaryDirectory() as made:
        for number in range(jobs):
            job(number, Path(made))
            open_files = len(list(Path("/proc/self/fd").iterdir()))
            print(json.dumps({"resident": memory.resident(), "open": open_files}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
