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
    from novacron.roles import processor

    processor.prepare()
    from novacron.roles import query_service
    from novacron.workload.service.context import Role

    serving.serve(Role("query", query_service.service), config, bind_address, log_level)
