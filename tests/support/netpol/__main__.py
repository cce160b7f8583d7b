"""``python -m tests.support.netpol``: the enforcer, in the network namespace it is started in."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
from pathlib import Path

import click

from novacron.adapters import credentials
from tests.support.netpol import nft
from tests.support.netpol.enforcer import Enforcer


def _network(_context: click.Context, _parameter: click.Parameter, text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{error}; give IPv4 as in 10.244.0.0/24") from error


@click.command()
@click.option("--kubeconfig", required=True, help="Of an identity that may list and watch policies, pods, namespaces.")
@click.option("--state", required=True, type=click.Path(path_type=Path), help="File that says what is in force.")
@click.option("--pod-cidr", "pod_network", default="", callback=_network, help="Cut off its unknown addresses.")
def main(kubeconfig: str, state: Path, pod_network: ipaddress.IPv4Network | None) -> None:
    """Enforce the network policies of an API server on this node. Rules stay when it ends.

    Example: python -m tests.support.netpol --kubeconfig admin.conf --state netpol.json --pod-cidr 10.244.0.0/24
    """
    enforcer = Enforcer(credentials.from_kubeconfig(kubeconfig), nft.find(), state, pod_network)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_told(enforcer))


async def _until_told(enforcer: Enforcer) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await enforcer.run()


if __name__ == "__main__":
    main(prog_name="netpol")
