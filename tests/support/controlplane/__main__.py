"""``make cluster-up`` and ``make cluster-down``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tests.support.controlplane import binaries, crds
from tests.support.controlplane.build import BuildError
from tests.support.controlplane.plane import ControlPlane, KubectlError
from tests.support.controlplane.process import StartError
from tests.support.controlplane.toolchain import ToolchainError

_DIRECTORY = Path(__file__).parents[3] / ".cluster"


@click.group()
def main() -> None:
    """A control plane with simulated nodes, in .cluster of this checkout.

    Example: make cluster-up && KUBECONFIG=.cluster/kubeconfig kubectl get nodes
    """


@main.command()
def build() -> None:
    """Build all that the tests need into the cache: the control plane, the neighbours' CRDs, the judges."""
    from tests.support import judges, manifest_judges
    from tests.support.netpol import cyclonus

    try:
        binaries.directory()
        crds.directory()
        judges.install()
        cyclonus.program("cyclonus")
        cyclonus.program("cyclonus-cli")
        manifest_judges.install()
    except (BuildError, ToolchainError, judges.JudgeError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)


@main.command()
@click.option("--nodes", default=3, show_default=True, help="Simulated nodes.")
def up(nodes: int) -> None:
    """Start it, or find it running; writes .cluster/kubeconfig."""
    plane = ControlPlane(_DIRECTORY, nodes=nodes, detached=True)
    try:
        plane.up()
        crds.install(plane)
    except (BuildError, KubectlError, StartError, ToolchainError) as error:
        plane.down()
        click.echo(str(error), err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        plane.down()
        sys.exit(130)
    click.echo("export KUBECONFIG=.cluster/kubeconfig")


@main.command()
def down() -> None:
    """Stop it."""
    plane = ControlPlane(_DIRECTORY, detached=True)
    plane.forget()
    click.echo("stopped")


if __name__ == "__main__":
    main(prog_name="controlplane")
