"""``novacron migrate``: brings the schemas to what this version needs, or keeps them small; says how it went."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from novacron.roles.console import REFUSED, UNREACHABLE
from novacron.roles.serving import config_option, log_level_option

_WAIT_SECONDS = 300.0
_EXIT = {"refused": REFUSED, "failed": REFUSED, "unreachable": UNREACHABLE}
"""Outcome -> exit code; else 0."""


@click.command()
@click.option("--upkeep", is_flag=True, help="Partitions ahead, retention behind, instead of migrations.")
@click.option(
    "--wait",
    default=_WAIT_SECONDS,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds for the database to answer, and again for another run to end.",
)
@click.option(
    "--termination-log",
    default="/dev/termination-log",
    show_default=True,
    type=click.Path(path_type=Path),
    help="File that gets the outcome as JSON, where it is there.",
)
@config_option("settings.json")
@log_level_option
def migrate(upkeep: bool, wait: float, termination_log: Path, config: Path, log_level: str) -> None:
    """Bring the database's schemas up to date: once, and only forward.

    \b
    Example: novacron migrate --config ./settings
    """
    import orjson
    import structlog

    from novacron.adapters import logs
    from novacron.adapters.database_roles import script
    from novacron.adapters.mounted import Directory
    from novacron.roles import migration_run
    from novacron.workload.paths import SETTINGS_FILE
    from novacron.workload.service.settings import MigrationSettings, parsed, read

    logs.configure(log_level)
    settings = parsed(MigrationSettings, config / SETTINGS_FILE, read(Directory(config)).get(SETTINGS_FILE))
    report = migration_run.run(settings, wait, upkeep=upkeep)
    if report.reason == "RightMissing":
        click.echo(script(), nl=False)
    document = report.document()
    structlog.get_logger(__name__).info("ended", **document)
    if termination_log.exists():
        termination_log.write_bytes(orjson.dumps(document))
    sys.exit(_EXIT.get(report.outcome, 0))
