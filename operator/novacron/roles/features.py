"""``novacron features``: of a file or a pipe, by the pipeline of the ml service; and states of parts, put together."""

from __future__ import annotations

import io
import select
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TypeVar, cast

import click

from novacron.core.errors import NovaCronError
from novacron.roles.console import BAD_INPUT, fail, printing
from novacron.roles.sizes import Size

if TYPE_CHECKING:
    from novacron.ml.domain.features import Features
    from novacron.ml.service.pipeline import Pipeline
    from novacron.ml.service.sources.report import Report
    from novacron.ml.service.states import State
    from novacron.roles.progress import Waiting

FORMATS = ("jsonl", "json", "csv", "parquet", "arrow")
COMPRESSIONS = ("none", "gzip", "zstd")
_F = TypeVar("_F", bound=Callable[..., Any])


class _Features(click.Command):
    """With ``merge`` as its first word it is the command below."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == ["merge"]:
            return merge.make_context(f"{info_name} merge", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _array(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix not in (".npy", ".arrow"):
        raise click.BadParameter(f"{path.name} is neither .npy nor .arrow, which says what is written")
    return path


def _npy(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix != ".npy":
        raise click.BadParameter(f"{path.name} is no .npy, which is what is written")
    return path


_SHARED = (
    click.option(
        "--max-memory",
        default="80MB",
        show_default=True,
        type=Size(),
        help="For the whole process; Parquet and Arrow: 160MB.",
    ),
    click.option(
        "--spill-dir", type=click.Path(path_type=Path), help="For all numbers, 8 bytes each; default: TMPDIR."
    ),
    click.option("--max-spill", default="10GB", show_default=True, type=Size(), help="There, at most."),
    click.option(
        "--max-distinct",
        default="1MB",
        show_default=True,
        type=Size(10_000),
        help="Memory for the different texts of a column; more are counted on disk.",
    ),
    click.option(
        "--partial",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="STATE",
        help="Write a state that can be merged with others, instead of the features.",
    ),
    click.option(
        "--matrix",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=_array,
        help="Write the numbers too, row by row: .npy, or .arrow.",
    ),
    click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float64", show_default=True),
    click.option("-o", "--output", type=click.Choice(["json", "table"]), default="json", show_default=True),
)


def _shared(command: _F) -> _F:
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.command(cls=_Features)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Of the input; default: what it looks like.")
@click.option("--compression", type=click.Choice(COMPRESSIONS), help="Of the input; default: what it looks like.")
@_shared
@click.option(
    "--median",
    type=click.Choice(["exact", "kll"]),
    default="exact",
    show_default=True,
    help="Median and histogram bounds; kll needs no disk, and tells its bound.",
)
@click.option(
    "--categories",
    type=click.Choice(["exact", "misra-gries"]),
    default="exact",
    show_default=True,
    help="Counts of texts; misra-gries needs no disk, and tells its bound.",
)
@click.option(
    "--codes",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_npy,
    help="Write the texts too, row by row, as their places among the categories: .npy.",
)
@click.option("--strict", is_flag=True, help="End at the first line that cannot be used.")
@click.argument("path", metavar="[FILE|-]", default="-")
def features(path: str, form: str | None, compression: str | None, strict: bool, **asked: Any) -> None:
    """Features of a table: of each column counts, mean, deviation, extremes, median and the most frequent texts.

    JSON Lines, a JSON array, CSV, Parquet or Arrow; plain, gzip or zstd. JSON out. Memory does not grow with the rows.
    Parts of a table on several machines: each writes a state with --partial, and "novacron features merge" makes one
    answer of them.

    \b
    Example: novacron features samples.jsonl.gz --max-memory 64MB
    """
    target = _Target.of(asked)
    target.spare([path])
    try:
        with _opened(path) as stream, _pipeline(asked, target) as pipeline:
            _look_ahead(pipeline, target)
            report = _taken(pipeline, stream, path, form, compression, strict)
            _give(pipeline, target, report)
    except (NovaCronError, OSError, MemoryError) as error:
        _refuse(path, error, asked["max_memory"])


@click.command()
@_shared
@click.argument("states", metavar="STATE...", nargs=-1, required=True)
def merge(states: Sequence[str], **asked: Any) -> None:
    """One answer of the states of parts, in any order; or, with --partial, one state of them.

    \b
    Example: novacron features merge part-0.state part-1.state
    """
    target = _Target.of(asked)
    target.spare(states)
    try:
        opened = _states(states)
        if target.matrix is not None and opened[0].median != "exact":
            fail(
                BAD_INPUT,
                f"{states[0]} was made with --median {opened[0].median} and has no numbers for --matrix; "
                "leave it out, or make the states with --median exact",
            )
        with _pipeline(asked | {"median": opened[0].median, "categories": opened[0].categories}, target) as pipeline:
            _look_ahead(pipeline, target)
            _absorbed(pipeline, opened)
            _give(pipeline, target)
    except (NovaCronError, OSError, MemoryError) as error:
        _refuse("merge", error, asked["max_memory"])


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to be written, and where."""

    partial: Path | None
    matrix: Path | None
    dtype: Any
    output: str
    codes: Path | None = None

    @classmethod
    def of(cls, asked: dict[str, Any]) -> _Target:
        """Takes its own out of what was asked. Ends the process where two of them contradict each other."""
        target = cls(
            **{name: asked.pop(name) for name in ("partial", "matrix", "dtype", "output", "codes") if name in asked}
        )
        if target.partial is not None and (target.matrix is not None or target.codes is not None):
            raise click.UsageError("--partial writes a state and nothing else; leave out --matrix and --codes")
        if target.matrix is not None and target.codes and target.matrix.resolve() == target.codes.resolve():
            raise click.UsageError("--matrix and --codes name one file, and the one would replace the other; name two")
        return target

    def spare(self, inputs: Sequence[str]) -> None:
        """Ends the process where a result would replace what it is made of."""
        read = {Path(one).resolve(): one for one in inputs}
        for name in ("partial", "matrix", "codes"):
            given = getattr(self, name)
            if given is not None and (known := read.get(given.resolve())) is not None:
                raise click.UsageError(f"--{name} names {known}, which is read, and would replace it; name another one")


def _pipeline(asked: Mapping[str, Any], target: _Target) -> Pipeline:
    from novacron.roles import processor

    processor.prepare()
    from novacron.adapters import memory
    from novacron.ml.domain.budget import Pace
    from novacron.ml.service.pipeline import Pipeline, Plan
    from novacron.ml.service.pressure import Budget

    memory.keep()
    limit = memory.limit()
    plan = Plan(
        Budget(min(asked["max_memory"], limit) if limit is not None else asked["max_memory"]),
        asked["spill_dir"] or Path(tempfile.gettempdir()),
        asked["max_spill"],
        asked["max_distinct"],
        asked.get("median", "exact"),
        asked.get("categories", "exact"),
        matrix=target.matrix is not None,
        codes=target.codes is not None,
    )
    return Pipeline(plan, Pace())


def _taken(
    pipeline: Pipeline, stream: BinaryIO, path: str, form: str | None, compression: str | None, strict: bool
) -> Report:
    from novacron.ml.service.sources.opened import opened
    from novacron.ml.service.sources.report import Report
    from novacron.ml.service.spools import Spools
    from novacron.roles.progress import Waiting

    report = Report(strict)
    size = Path(path).stat().st_size if path != "-" else 0  # 0 of pipes and devices, too
    with Waiting("reading", size or None) as waiting, Spools(pipeline.room) as spools:
        source = opened(
            _Counted(stream, waiting),
            format=form,
            compression=compression,
            pace=pipeline.pace,
            report=report,
            spool=spools.file,
            reserve=pipeline.pressure.reserve,
        )
        pipeline.run(source)
    return report


def _states(paths: Sequence[str]) -> list[State]:
    from novacron.ml.service.states import State

    known: dict[tuple[int, int], str] = {}
    found = []
    for path in paths:
        found.append(State(Path(path)))
        file = Path(path).stat()
        first = known.setdefault((file.st_dev, file.st_ino), path)
        if first is not path:
            fail(BAD_INPUT, f"{path} is {first} once more, and would count twice; name each state once")
    return found


def _absorbed(pipeline: Pipeline, states: Sequence[State]) -> None:
    from novacron.roles.progress import Waiting

    with Waiting("merging", len(states)) as waiting:
        for done, state in enumerate(states):
            pipeline.absorb(state)
            waiting.at(done + 1)


def _look_ahead(pipeline: Pipeline, target: _Target) -> None:
    """Raises ``MemoryBudgetExceeded``: the library that writes Arrow would not fit at the end."""
    from novacron.ml.service.sources.opened import LIBRARY_BYTES

    if target.matrix is not None and target.matrix.suffix == ".arrow":
        pipeline.pressure.reserve(LIBRARY_BYTES, "writing arrow")


def _give(pipeline: Pipeline, target: _Target, report: Report | None = None) -> None:
    from novacron.ml.domain.features import NOTHING, Rejected
    from novacron.roles.progress import Waiting

    rejected = Rejected(report.count, report.first) if report is not None else NOTHING
    if target.partial is not None:
        pipeline.save(target.partial, rejected)
        return
    with Waiting("ordering", len(pipeline.columns)) as waiting:
        found = pipeline.finish(rejected, waiting.at)
    files: dict[str, Mapping[str, Any]] = {}
    if target.matrix is not None:
        columns = pipeline.write_matrix(target.matrix, target.dtype)
        files["matrix"] = {"file": str(target.matrix), "dtype": target.dtype, "columns": columns}
    if target.codes is not None:
        files["codes"] = {"file": str(target.codes), "columns": pipeline.write_codes(target.codes)}
    _write(replace(found, files=files), target.output)


class _Counted(io.RawIOBase):
    """A stream that tells how far it was read."""

    def __init__(self, stream: BinaryIO, waiting: Waiting) -> None:
        self._stream = stream
        self._waiting = waiting
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        while (found := cast("bytes | None", self._stream.read(size))) is None:  # others made it non-blocking
            select.select([self._stream], [], [])
        self._read += len(found)
        self._waiting.at(self._read)
        return found

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _opened(path: str) -> BinaryIO:
    if path != "-":
        return Path(path).open("rb")
    if sys.stdin is None:
        fail(BAD_INPUT, "standard input is closed; pipe a table into it, or name a file")
    return sys.stdin.buffer


def _refuse(what: str, error: Exception, max_memory: int) -> NoReturn:
    if isinstance(error, OSError):
        fail(BAD_INPUT, f"{error.filename or what}: {error.strerror or 'cannot be read'}; name a file that can be used")
    if isinstance(error, MemoryError):
        fail(BAD_INPUT, f"--max-memory {max_memory}: the system does not give as much; give this process more memory")
    fail(BAD_INPUT, f"{what}: {error}")


def _write(found: Features, output: str) -> None:
    if output == "table":
        _show(found)
        return
    for piece in found.json():
        with printing():
            sys.stdout.buffer.write(piece)


def _show(found: Features) -> None:
    from rich.table import Table

    from novacron.roles.terminal import harmless, print_table, terminal

    table = Table(
        "COLUMN", "TYPE", "COUNT", "NULLS", "MEAN", "STD", "MIN", "MEDIAN", "MAX", "DISTINCT", "MOST FREQUENT"
    )
    for name, column in found.entries():
        mixed = column["type"] == "mixed"
        numbers, texts = (column["numbers"], column["categories"]) if mixed else (column, column)
        counted = [part["count"] for part in ((numbers, texts) if mixed else (column,)) if "count" in part]
        table.add_row(
            harmless(name),
            column["type"],
            " + ".join(f"{one:,}" for one in counted),
            f"{column['nulls'] + column['absent']:,}",
            *(_short(numbers.get(one)) for one in ("mean", "std", "min", "median", "max")),
            f"{texts['distinct']:,}" if texts.get("distinct") is not None else "",
            ", ".join(harmless(text) for text, _count in texts.get("categories", ())[:3]),
        )
    console = terminal()
    rejected = found.rejected.count
    with printing():
        print_table(console, table)
        console.print(f"{found.rows:,} rows" + (f", {rejected:,} lines rejected" if rejected else ""))


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
