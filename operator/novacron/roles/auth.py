"""``novacron auth``: the process of that workload."""

from __future__ import annotations

from pathlib import Path

import click

from novacron.roles import serving


@click.command()
@serving.options
def auth(config: Path, bind_address: str, log_level: str) -> None:
    """Run authentication: users, sessions, tokens.

    \b
    Example: novacron auth --config ./settings --bind-address 127.0.0.1
    """
    from novacron.roles.auth_service import AuthService
    from novacron.workload.service.context import Context, Role, Service

    def build(context: Context) -> Service:
        return AuthService(context).service()

    serving.serve(Role("auth", build), config, bind_address, log_level)
