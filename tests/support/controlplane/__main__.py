"""``make cluster-up`` and ``make cluster-down``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from image.errors import ImageError
from tests.support import clusters
from tests.support.controlplane import binaries, crds
from tests.support.controlplane.build import BuildError
from tests.support.controlplane.plane import KubectlError
from tests.support.controlplane.process import StartError
from tests.support.controlplane.toolchain import ToolchainError

_DIRECTORY = Path(__file__).parents[3] / ".cluster"


@click.group()
def main() -> None:
    """A cluster in .cluster of this checkout: simulated nodes, a real one, or kind; or a named one of yours.

    Example: make cluster-up && KUBECONFIG=.cluster/kubeconfig kubectl get nodes
    """


@main.command()
@click.option("--node", "kind", default="simulated", show_default=True, type=click.Choice(["simulated", "real"]))
def build(kind: str) -> None:
    """Build all that tests need into the cache: the control plane, the neighbours' CRDs, the judges; or the node."""
    from tests.support import image_scanner, judges, manifest_judges
    from tests.support.netpol import cyclonus
    from tests.support.node import binaries as node_binaries
    from tests.support.node.neighbours import images

    try:
        binaries.directory()
        crds.directory()
        if kind == "real":
            node_binaries.directory()
            node_binaries.pause_image()
            images.build()
        else:
            judges.install()
            cyclonus.program("cyclonus")
            cyclonus.program("cyclonus-cli")
            manifest_judges.install()
            image_scanner.install()
    except (BuildError, ImageError, ToolchainError, judges.JudgeError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)


@main.command()
@click.option("--nodes", default=3, show_default=True, help="Simulated nodes.")
@click.option("--node", "kind", default="simulated", show_default=True, type=click.Choice(sorted(clusters.KINDS)))
@click.option("--cluster", "context", default="", help="Use this context of your own kubeconfig; start nothing.")
def up(nodes: int, kind: str, context: str) -> None:
    """Start a cluster, or find it running; writes .cluster/kubeconfig."""
    cluster = clusters.Named(_DIRECTORY, context) if context else clusters.KINDS[kind](_DIRECTORY, nodes)
    try:
        cluster.up()
    except (BuildError, ImageError, KubectlError, StartError, ToolchainError) as error:
        cluster.down()
        click.echo(str(error), err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        cluster.down()
        sys.exit(130)
    click.echo("export KUBECONFIG=.cluster/kubeconfig")


@main.command()
def down() -> None:
    """Stop what was started, of whatever kind."""
    for cluster in clusters.present(_DIRECTORY):
        cluster.down()
    click.echo("stopped")


if __name__ == "__main__":
    main(prog_name="controlplane")
