"""``novacron run``: the operator's process."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket

import click

from novacron.roles.connection import cluster_options
from novacron.roles.console import BAD_INPUT, UNREACHABLE, checked_namespace, fail

_PORT = click.IntRange(0, 65535)
_OCCUPIED = (errno.EADDRINUSE, errno.EACCES)


@click.command()
@click.option(
    "--namespace",
    default="",
    callback=checked_namespace,
    help="Serve this namespace alone; needs a Role instead of a ClusterRole.",
)
@click.option("--health-port", default=8080, type=_PORT, show_default=True, help="Port of /healthz and /readyz.")
@click.option("--metrics-port", default=9090, type=_PORT, show_default=True, help="Port of /metrics.")
@click.option("--bind-address", default="", help="Address of both ports. Default: all.")
@click.option(
    "--operator-namespace",
    default="",
    callback=checked_namespace,
    help="Where the lease is kept. Default: the pod's namespace.",
)
@click.option(
    "--workers", default=16, type=click.IntRange(1, 256), show_default=True, help="Resources worked on at once."
)
@click.option(
    "--ask-workloads/--no-ask-workloads",
    default=None,
    help="Ask workloads at /ready what they miss; needs the cluster's network. Default: in a pod alone.",
)
@click.option(
    "--propagation",
    default=180,
    type=click.IntRange(0, 3600),
    show_default=True,
    help="Seconds until a changed Secret or ConfigMap has reached every pod that mounts it; the kubelets decide. A"
    " signing key is used and forgotten so much later.",
)
@click.option(
    "--log-level", default="INFO", show_default=True, type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"])
)
@cluster_options
def run(
    namespace: str,
    health_port: int,
    metrics_port: int,
    bind_address: str,
    operator_namespace: str,
    workers: int,
    ask_workloads: bool | None,
    propagation: int,
    log_level: str,
    kubeconfig: str,
    context: str,
) -> None:
    """Run the operator. Several may run: the holder of the lease acts, the others stand by.

    \b
    Example: novacron run --namespace novacron
    """
    from novacron.adapters import credentials, logs
    from novacron.core import labels
    from novacron.roles import manager

    logs.configure(log_level)
    try:
        found = credentials.find(kubeconfig, context)
    except credentials.CredentialsMissing as error:
        fail(UNREACHABLE, str(error))
    home = operator_namespace or os.environ.get("POD_NAMESPACE", "") or labels.OPERATOR_NAMESPACE
    asks = found.in_cluster if ask_workloads is None else ask_workloads
    settings = manager.Settings(namespace, home, health_port, metrics_port, bind_address, workers, asks, propagation)
    try:
        asyncio.run(manager.run(settings, found))
    except Exception as error:
        problem = _unbound(error, bind_address)
        if problem:
            fail(BAD_INPUT, problem)
        logging.getLogger(__name__).exception("the operator ended by a defect")
        raise


def _unbound(error: Exception, address: str) -> str:
    """Why the ports could not be opened; empty where the error is about something else."""
    if not isinstance(error, OSError):
        return ""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"--bind-address {address}: {error.strerror}; name an address of this machine"
    if error.errno in _OCCUPIED:
        return f"{error.strerror}; choose others with --health-port and --metrics-port"
    return ""
