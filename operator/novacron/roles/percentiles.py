"""``novacron percentiles``: of numbers in a file or a pipe, by the calculator that the query service uses."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from novacron.roles.console import BAD_INPUT, fail, printing
from novacron.roles.sizes import Size

if TYPE_CHECKING:
    from novacron.quantiles.estimate import Estimate, Method
    from novacron.quantiles.gathered import Gathered
    from novacron.quantiles.sketch import Sketch
    from novacron.quantiles.values import Array, Floats
    from novacron.roles.number_source import Source
    from novacron.roles.progress import Waiting


class _List(click.ParamType[Any]):
    """``50,95,99.9``."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        try:
            return [float(one) for one in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is no list of numbers; write 50,95,99.9", param, ctx)


@click.command()
@click.option("-p", "--percentiles", "asked", required=True, type=_List(), help="From 0 to 100, with commas between.")
@click.option(
    "--method",
    type=click.Choice(["exact", "kll", "req", "ddsketch"]),
    help="Default: exact; kll for what comes through a pipe, or as text, and does not fit --max-memory.",
)
@click.option("--max-memory", default="80MB", show_default=True, type=Size(), help="For the numbers themselves.")
@click.argument("path", metavar="[FILE|-]", default="-")
def percentiles(asked: Sequence[float], method: Method | None, max_memory: int, path: str) -> None:
    """Percentiles of numbers: one a line, or an array in a .npy file. JSON out.

    Each comes with its method and with how far off it can be: rank is a share of the count, value one of the answer.
    An array in a file is answered exactly however large it is.

    \b
    Example: cut -d, -f3 samples.csv | novacron percentiles -p 50,95,99
    """
    from novacron.roles import processor

    processor.prepare()
    import orjson

    from novacron.quantiles import values
    from novacron.roles.number_source import Source, Unreadable

    try:
        values.percentiles(asked)
    except values.InvalidInput as error:
        fail(BAD_INPUT, f"--percentiles: {error}")
    try:
        count, found = _answered(Source(path), asked, method, max_memory)
    except (Unreadable, values.InvalidInput) as error:
        fail(BAD_INPUT, f"{path}: {error}")
    except MemoryError:
        fail(BAD_INPUT, f"--max-memory {max_memory}: the system does not give as much; allow less")
    document = {"count": count, "percentiles": found}
    with printing():
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def _answered(source: Source, asked: Sequence[float], method: Method | None, memory: int) -> tuple[int, list[Estimate]]:
    """How many numbers there are, and what was asked of them."""
    from novacron.roles.progress import Waiting

    if source.array is not None and method in (None, "exact"):
        with Waiting("looking through", len(source.array)) as waiting:
            return len(source.array), _of_file(source.array, asked, memory, waiting)
    taken = _taking(method, memory)
    with Waiting("reading", source.size) as waiting:
        for piece in source.pieces():
            taken.update(piece)
            waiting.at(source.read)
    return taken.count, taken.estimates(asked)


def _of_file(array: Array, asked: Sequence[float], memory: int, waiting: Waiting) -> list[Estimate]:
    """Of numbers that can be read again."""
    from novacron.quantiles import values
    from novacron.quantiles.estimate import Estimate
    from novacron.quantiles.narrowing import narrowed
    from novacron.quantiles.selection import selected

    def blocks() -> Iterator[Floats]:
        for place, block in enumerate(values.blocks(array)):
            waiting.at(place * values.BLOCK)
            yield block

    most = memory // 8
    values.numbers(array[:1])  # what it is of, and whether there is anything
    low, high = math.inf, -math.inf
    for place, block in enumerate(blocks()):
        values.array(block, place * values.BLOCK)
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    found = selected(array, asked) if len(array) <= most else narrowed(blocks, len(array), low, high, asked, most)
    return [Estimate(one, value, "exact") for one, value in zip(asked, found, strict=True)]


def _taking(method: Method | None, memory: int) -> Gathered | Sketch:
    """What takes numbers that come by once."""
    from novacron.quantiles.gathered import Gathered
    from novacron.quantiles.sketches import KINDS, Kll

    if method is None or method == "exact":
        return Gathered(Kll() if method is None else None, memory)
    return KINDS[method]()
