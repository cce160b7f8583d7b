"""``make bench``: every case in turn, progress on standard error, a table on standard output.

Ratios within one run mean something, absolute times only on the machine that is named with them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click

from tests.bench import (
    compare,
    dashboard,
    failover,
    features,
    image,
    logins,
    many,
    one,
    percentiles,
    query_http,
    report,
    roles,
    start,
    tokens,
    users,
    wall,
    watches,
)
from tests.bench.facts import facts
from tests.bench.report import Row
from tests.bench.server import Bench, bench, control_plane
from tests.support.controlplane.plane import ControlPlane
from tests.support.controlplane.progress import say

SIZES = (200, 1000)


def _cases(sizes: Sequence[int], unrelated: int) -> list[tuple[str, Callable[[Bench], Awaitable[list[Row]]]]]:
    """Name and run of each case; each gets a control plane of its own."""
    several = [(compare.CASE, functools.partial(many.run, count=size)) for size in sizes]
    return [
        (start.CASE, start.run),
        (image.CASE, image.run),
        (roles.CASE, roles.run),
        (tokens.CASE, tokens.run),
        (wall.CASE, wall.run),
        (logins.CASE, logins.run),
        (dashboard.CASE, dashboard.run),
        (users.CASE, users.run),
        (percentiles.CASE, percentiles.run),
        (features.CASE, features.run),
        (query_http.CASE, query_http.run),
        (one.CASE, one.run),
        (failover.CASE, failover.run),
        (watches.CASE, functools.partial(watches.run, unrelated=unrelated)),
        *several,
    ]


NAMES = (
    start.CASE,
    image.CASE,
    roles.CASE,
    tokens.CASE,
    wall.CASE,
    logins.CASE,
    dashboard.CASE,
    users.CASE,
    percentiles.CASE,
    features.CASE,
    query_http.CASE,
    one.CASE,
    failover.CASE,
    watches.CASE,
    compare.CASE,
)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="A case; may be given more than once.")
@click.option(
    "--resources", "sizes", multiple=True, type=click.IntRange(1), help="NovaCrons at once. Default: 200, then 1000."
)
@click.option("--unrelated", default=10_000, show_default=True, help="Foreign ConfigMaps of the case watches.")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the results there too.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write a table for a document there.")
def main(only: Sequence[str], sizes: Sequence[int], unrelated: int, path: Path | None, markdown: Path | None) -> None:
    """Measure the operator against its peers on one control plane.

    Example: python -m tests.bench --only many --resources 20
    """
    rows: list[Row] = []
    machine: dict[str, str] = {}
    for name, run in _cases(sizes or SIZES, unrelated):
        if only and name not in only:
            continue
        say(f"case {name}")
        with control_plane() as plane:
            machine = machine or facts(plane)
            rows += asyncio.run(_on(plane, run))
        report.show(machine, rows)
        if path is not None:
            path.write_text(report.document(machine, rows))
        if markdown is not None:
            markdown.write_text(report.markdown(rows))


async def _on(plane: ControlPlane, run: Callable[[Bench], Awaitable[list[Row]]]) -> list[Row]:
    async with bench(plane) as found:
        return await run(found)


if __name__ == "__main__":
    main()
