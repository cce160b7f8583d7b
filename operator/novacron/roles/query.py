"""``novacron query``: the process of that workload."""

from __future__ import annotations

from pathlib import Path

import click

from novacron.roles import serving


@click.command()
@serving.options
def query(config: Path, bind_address: str, log_level: str) -> None:
    """Run queries over metrics.

    \b
    Example: novacron query --config ./settings --bind-address 127.0.0.1
    """
    from novacron.roles import guarded
    from novacron.workload.service import database, redis
    from novacron.workload.service.context import Context, Role, Service

    def build(context: Context) -> Service:
        database.opened(context)
        return guarded.service(context, commands=redis.opened(context))

    serving.serve(Role("query", build), config, bind_address, log_level)
