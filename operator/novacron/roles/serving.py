"""What the workloads' commands share: their options, and running a role until it is told to end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from novacron.workload.paths import CONFIG_DIRECTORY

if TYPE_CHECKING:
    from novacron.workload.service.context import Role

F = TypeVar("F", bound=Callable[..., Any])

LOG_LEVEL = "LOG_LEVEL"
"""The one variable of the environment that a workload reads; spec.<workload>.env may set it."""


log_level_option = click.option(
    "--log-level",
    default="INFO",
    show_default=True,
    envvar=LOG_LEVEL,
    show_envvar=True,
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
)


def config_option(files: str) -> Callable[[F], F]:
    """Where the settings are.

    Args:
        files: what is read there.
    """
    return click.option(
        "--config",
        default=CONFIG_DIRECTORY,
        show_default=True,
        type=click.Path(path_type=Path),
        help=f"Folder with {files}.",
    )


def options(command: F) -> F:
    """Where the settings are, and how to try a workload outside a pod."""
    for add in (
        log_level_option,
        click.option("--bind-address", default="", help="Address of all ports. Default: all."),
        config_option("settings.json and reloaded.json"),
    ):
        command = add(command)
    return command


def serve(role: Role, config: Path, bind_address: str, log_level: str) -> None:
    """Ends the process when the role has ended."""
    import asyncio

    import uvloop

    from novacron.adapters import logs
    from novacron.workload.service.shell import Shell

    async def serving() -> int:
        return await Shell(role, config, bind_address).run()

    logs.configure(log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(serving()))
