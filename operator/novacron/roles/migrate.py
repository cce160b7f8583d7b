"""``novacron migrate``: brings the schemas to what this version needs, or keeps them small; says how it went."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from novacron.roles.console import REFUSED, UNREACHABLE
from novacron.roles.serving import config_option, log_level_option

if TYPE_CHECKING:
    from novacron.core.migration import Report

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
    from novacron.adapters import logs
    from novacron.adapters.database_roles import script
    from novacron.adapters.mounted import Directory
    from novacron.core.migration import Report
    from novacron.roles import migration_run
    from novacron.workload.paths import SETTINGS_FILE
    from novacron.workload.service.settings import InvalidSettings, MigrationSettings, parsed, read

    logs.configure(log_level)
    try:
        settings = parsed(MigrationSettings, config / SETTINGS_FILE, read(Directory(config)).get(SETTINGS_FILE))
    except InvalidSettings as error:
        _leave(termination_log, Report("refused", "SettingsInvalid", str(error)))
        raise
    report = migration_run.run(settings, wait, upkeep=upkeep)
    if report.reason == "RightMissing":
        click.echo(script(), nl=False)
    _leave(termination_log, report)
    sys.exit(_EXIT.get(report.outcome, 0))


def _leave(termination_log: Path, report: Report) -> None:
    """For people in the log, for the operator in the file, which the kubelet makes."""
    import orjson
    import structlog

    document = report.document()
    structlog.get_logger(__name__).info("ended", **document)
    if termination_log.exists():
        with suppress(OSError):  # the exit code and the log are left
            termination_log.write_bytes(orjson.dumps(document))
