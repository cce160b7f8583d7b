"""``novacron ml``: the process of that workload."""

from __future__ import annotations

from pathlib import Path

import click

from novacron.roles import serving


@click.command()
@serving.options
def ml(config: Path, bind_address: str, log_level: str) -> None:
    """Run feature extraction.

    \b
    Example: novacron ml --config ./settings --bind-address 127.0.0.1
    """
    from novacron.roles import processor

    processor.prepare()
    from novacron.roles import ml_service
    from novacron.workload.service.context import Role

    serving.serve(Role("ml", ml_service.service), config, bind_address, log_level)
