"""``novacron api``: the process of that workload."""

from __future__ import annotations

from pathlib import Path

import click

from novacron.roles import serving


@click.command()
@serving.options
def api(config: Path, bind_address: str, log_level: str) -> None:
    """Run the API, the one workload that faces users.

    \b
    Example: novacron api --config ./settings --bind-address 127.0.0.1
    """
    from novacron.roles import guarded
    from novacron.workload.service import redis
    from novacron.workload.service.context import Context, Role, Service

    def build(context: Context) -> Service:
        """Redis only says sooner what the feed says anyway: an outage of it must not close the front door."""
        return guarded.service(context, commands=redis.opened(context, required=False), limited=True)

    serving.serve(Role("api", build), config, bind_address, log_level)
