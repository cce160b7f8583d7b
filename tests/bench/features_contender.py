"""One contender of the features' bench in a process of its own: its work's CPU, and its memory over its imports.

Run by ``features_measured.py``; prints one JSON document.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.bench import features_data as data
from tests.bench.features_answers import Answers, right
from tests.bench.features_faults import Faults, faults

SPECIFIED, SPECIFIED_FILE = "specification", "specification, from a file"
OURS = "novacron"
RIGHT = "right"
"""No contender: the answers that all others should give."""


@dataclass(frozen=True, slots=True)
class Told:
    """Args:
    cpu: seconds of user and system time, all threads.
    peak: MB over what was resident after the imports.
    """

    cpu: float = 0.0
    peak: float = 0.0
    answers: Answers | None = None
    faults: Faults | None = None


def measured(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, seconds of CPU, and MB at its peak over what is resident now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark of resident memory
    before, cpu = _status("VmRSS"), _cpu()
    given = work()
    return given, _cpu() - cpu, _status("VmHWM") - before


def told(name: str, path: Path, rows: int, folder: Path, limit: int) -> Told:
    if name == RIGHT:
        return Told(answers=right(rows))
    if name in (SPECIFIED, SPECIFIED_FILE):
        features, cpu, peak = measured(_specified(path, from_file=name == SPECIFIED_FILE))
        indexes = {column: data.indexes(column, rows) for column in data.CATEGORIES}
        return Told(cpu, peak, faults=faults(features, right(rows), indexes))
    answers, cpu, peak = measured(_work(name, path, folder, limit))
    return Told(cpu, peak, answers)


def _work(name: str, path: Path, folder: Path, limit: int) -> Callable[[], Answers]:
    from tests.bench import features_engines, features_ours

    if name == OURS:
        return features_ours.work(path, folder)
    return features_engines.ENGINES[name](path, folder, limit)


def _specified(path: Path, *, from_file: bool) -> Callable[[], Any]:
    """It takes the text. ``from_file``, a favour: pandas reads the chunks from the file instead."""
    import pandas as pd

    from tests.bench.features_specified import MemoryConfig, OptimizedMLPipeline

    class FromFile(OptimizedMLPipeline):
        def _get_data_chunks(self, data: Any) -> Any:
            return pd.read_json(data, chunksize=self.config.chunk_size, lines=True)

    if from_file:
        return lambda: FromFile(MemoryConfig()).extract_features_chunked({"metrics": str(path)})
    return lambda: OptimizedMLPipeline(MemoryConfig()).extract_features_chunked({"metrics": path.read_text()})


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _status(name: str) -> float:
    """MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:"))


def main(name: str, path: str, rows: str, folder: str, limit: str) -> None:
    document = told(name, Path(path), int(rows), Path(folder), int(limit))
    sys.stdout.buffer.write(msgspec.json.encode(document))


if __name__ == "__main__":
    main(*sys.argv[1:])
