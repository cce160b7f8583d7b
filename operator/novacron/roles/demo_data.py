"""``novacron demo-data``: a fleet that does not exist, with its samples, for trying things out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from novacron.core import duration
from novacron.roles import console
from novacron.roles.console import REFUSED, UNREACHABLE, fail
from novacron.roles.serving import config_option

if TYPE_CHECKING:
    from novacron.roles.demo_filling import Made


class _Interval(click.ParamType[Any]):
    """A duration as in the resource; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            found = duration.seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 1 <= found <= 3600:
            self.fail("must be from 1s to 1h", param, ctx)
        return found


@click.command("demo-data")
@click.option("--vms", default=2000, show_default=True, type=click.IntRange(1, 100_000), help="Virtual machines.")
@click.option(
    "--days",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 7, min_open=True),
    help="Of samples, up to now; a fraction will do.",
)
@click.option("--interval", default="10s", show_default=True, type=_Interval(), help="Between samples of a machine.")
@click.option(
    "--organization",
    default="",
    help="Name or id of whose the machines are. Default: the only one that there is.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0, 2**31 - 1),
    help="The same one makes the same machines, and the same samples of the same time.",
)
@config_option("settings.json and reloaded.json of novacron query")
@console.output
def demo_data(vms: int, days: float, interval: int, organization: str, seed: int, config: Path, output: str) -> None:
    """Fill the database with virtual machines and samples that are made up, all or nothing.

    A machine's last sample is of just now. Samples go as far back as the database has partitions: 7 days, or as long
    as samples are kept. Machines of the same seed and organization must not be there yet.

    \b
    Example: kubectl exec -n novacron deploy/novacron-query -- novacron demo-data --vms 2000 --days 1
    """
    from novacron.adapters.schema import MigrationError
    from novacron.core.dependencies import Unusable
    from novacron.query.service.demo import DemoRefused
    from novacron.roles import demo_filling

    settings = demo_filling.settings(config)
    wanted = demo_filling.Wanted(organization, vms, days, interval, seed)
    bar = click.progressbar(length=wanted.samples, label="samples", file=sys.stderr, hidden=not sys.stderr.isatty())
    try:
        with bar:
            made = demo_filling.run(settings, wanted, bar.update)
    except (DemoRefused, MigrationError) as error:
        fail(REFUSED, str(error))
    except Unusable as error:
        fail(UNREACHABLE, demo_filling.said(settings, error))
    with console.printing():
        _print(made, output)


def _print(made: Made, output: str) -> None:
    if output == "json":
        import orjson

        click.echo(orjson.dumps(made.document()))
        return
    rows = made.rows
    click.echo(f"{rows.vms} virtual machines of organization {made.organization} are there")
    click.echo(f"{rows.samples} samples from {made.start} to {made.end}, {made.samples_per_second} a second")
    click.echo(f"{rows.minutes} minutes and {rows.five_minutes} times five minutes of them, {rows.latest} newest ones")
