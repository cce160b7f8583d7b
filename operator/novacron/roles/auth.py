"""``novacron auth``: the process of that workload; and, below it, what an administrator does beside it."""

from __future__ import annotations

from pathlib import Path

import click

from novacron.roles import serving
from novacron.roles.create_admin import create_admin


@click.group(invoke_without_command=True, subcommand_metavar="[create-admin ...]")
@serving.options
@click.pass_context
def auth(context: click.Context, config: Path, bind_address: str, log_level: str) -> None:
    """Run authentication: users, sessions, tokens.

    \b
    Example: novacron auth --config ./settings --bind-address 127.0.0.1
    """
    if context.invoked_subcommand is not None:
        return
    from novacron.roles.auth_service import AuthService
    from novacron.workload.service.context import Context, Role, Service

    def build(context: Context) -> Service:
        return AuthService(context).service()

    serving.serve(Role("auth", build), config, bind_address, log_level)


auth.add_command(create_admin)
