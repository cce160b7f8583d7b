"""``novacron features``: of a file or a pipe, by the pipeline of the ml service."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from novacron.core.errors import NovaCronError
from novacron.roles.console import BAD_INPUT, fail
from novacron.roles.sizes import Size

if TYPE_CHECKING:
    from novacron.ml.service.pipeline import Plan

FORMATS = ("jsonl", "json", "csv", "parquet", "arrow")
COMPRESSIONS = ("none", "gzip", "zstd")


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), help="Of the input; default: what it looks like.")
@click.option("--compression", type=click.Choice(COMPRESSIONS), help="Of the input; default: what it looks like.")
@click.option("--max-memory", default="80MB", show_default=True, type=Size(), help="For the whole process.")
@click.option(
    "--spill-dir", type=click.Path(path_type=Path), help="For what does not fit into memory; default: TMPDIR."
)
@click.option("--max-spill", default="10GB", show_default=True, type=Size(), help="There, at most.")
@click.option(
    "--max-distinct", default="1MB", show_default=True, type=Size(10_000), help="Memory for a column's texts."
)
@click.option("--median", type=click.Choice(["exact", "kll"]), default="exact", show_default=True)
@click.option("--categories", type=click.Choice(["exact", "misra-gries"]), default="exact", show_default=True)
@click.option("--strict", is_flag=True, help="End at the first line that cannot be used.")
@click.argument("path", metavar="[FILE|-]", default="-")
def features(
    form: str | None,
    compression: str | None,
    max_memory: int,
    spill_dir: Path | None,
    max_spill: int,
    max_distinct: int,
    median: Any,
    categories: Any,
    strict: bool,
    path: str,
) -> None:
    """Features of a table: of each column counts, mean, deviation, extremes, median and the most frequent texts.

    JSON Lines, a JSON array, CSV, Parquet or Arrow; plain, gzip or zstd. JSON out. Memory does not grow with the rows.

    \b
    Example: novacron features samples.jsonl.gz --max-memory 64MB
    """
    from novacron.roles import processor

    processor.prepare()
    from novacron.ml.service.pipeline import Plan
    from novacron.ml.service.pressure import Budget

    directory = spill_dir if spill_dir is not None else Path(tempfile.gettempdir())
    plan = Plan(Budget(max_memory), directory, max_spill, max_distinct, median, categories)
    try:
        with _opened(path) as stream:
            document = _extracted(stream, plan, form, compression, strict)
    except NovaCronError as error:
        fail(BAD_INPUT, f"{path}: {error}")
    except OSError as error:
        fail(BAD_INPUT, f"{path}: {error.strerror or 'cannot be read'}; name a file that can be read, or -")
    _write(document)


def _opened(path: str) -> BinaryIO:
    if path != "-":
        return Path(path).open("rb")
    if sys.stdin is None:
        fail(BAD_INPUT, "standard input is closed; pipe a table into it, or name a file")
    return sys.stdin.buffer


def _extracted(
    stream: BinaryIO, plan: Plan, form: str | None, compression: str | None, strict: bool
) -> Mapping[str, Any]:
    from novacron.ml.domain.budget import Pace
    from novacron.ml.domain.features import Rejected
    from novacron.ml.service.pipeline import Pipeline
    from novacron.ml.service.sources.opened import opened
    from novacron.ml.service.sources.report import Report

    pace, report = Pace(), Report(strict)
    with Pipeline(plan, pace) as pipeline:
        pipeline.run(opened(stream, format=form, compression=compression, pace=pace, report=report))
        return pipeline.finish(Rejected(report.count, report.first))


def _write(document: Mapping[str, Any]) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
