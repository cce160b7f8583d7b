"""``make demo``: a cluster, the operator, a NovaCron until Ready; then it is the reader's turn.

On Linux as root the node is a real one: pods run, with their neighbours. Elsewhere nodes are simulated, and it says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from image.errors import ImageError
from tests.support.controlplane import crds
from tests.support.controlplane.build import BuildError
from tests.support.controlplane.plane import ControlPlane, KubectlError
from tests.support.controlplane.process import StartError
from tests.support.controlplane.progress import say
from tests.support.controlplane.toolchain import ToolchainError
from tests.support.installation import install
from tests.support.living import Living
from tests.support.neighbours import Neighbours
from tests.support.node.neighbours.cluster import NeighbourError
from tests.support.operator_process import OperatorProcess
from tests.support.waiting import NotInTime, until

ROOT = Path(__file__).parents[2]
_DIRECTORY = ROOT / ".cluster"
_NAMESPACE = "novacron"
_KINDS = "novacron,deploy,hpa,pdb,networkpolicy"
_READY_SECONDS = 120.0
Kubectl = Callable[..., str]
_NEXT = """
Try, in another terminal:
  export KUBECONFIG=.cluster/kubeconfig
  {kubectl} -n novacron delete service novacron-api       # and look again: it is back
  {kubectl} -n novacron get events --field-selector involvedObject.kind=NovaCron
  {kubectl} -n novacron edit novacron novacron            # switch ml off: its objects go
  {kubectl} explain novacron.spec.api.autoscaling
  .venv/bin/novacron status -n novacron --watch
"""


@click.command()
@click.option("--once", is_flag=True, help="End after showing, as when no terminal is there.")
@click.option("--node", default="", help="real or simulated. Default: real where it can be, on Linux as root.")
def main(once: bool, node: str) -> None:
    """A cluster, the operator with the rights of its own service account, and a NovaCron until Ready.

    Example: make demo NODE=simulated
    """
    signal.signal(signal.SIGTERM, _interrupted)
    started = time.monotonic()
    show = _real if (node or _usual()) == "real" else _simulated
    try:
        show(started, sys.stdin.isatty() and not once)
    except KeyboardInterrupt:
        say("interrupted; cleaned up")
        sys.exit(130)
    except (BuildError, ImageError, KubectlError, NeighbourError, NotInTime, StartError, ToolchainError) as error:
        click.echo(f"demo: {error}", err=True)
        sys.exit(1)


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _usual() -> str:
    return "real" if sys.platform == "linux" and os.geteuid() == 0 else "simulated"


def _real(started: float, wait: bool) -> None:
    shutil.rmtree(_DIRECTORY / "node", ignore_errors=True)
    with Living(_DIRECTORY / "node") as living:
        shutil.copyfile(living.node.plane.kubeconfig, _DIRECTORY / "kubeconfig")
        say("applying manifests/samples/development.yaml")
        living.kubectl("apply", "-f", str(ROOT / "manifests" / "samples" / "development.yaml"))
        _follow(living.kubectl)
        _said(started, living.kubectl, "pods," + _KINDS, str(living.node.plane.binary("kubectl")))
        click.echo("The node is a real one, in namespaces of this machine: every pod runs.")
        _wait(wait)
    say("cleaned up")


def _simulated(started: float, wait: bool) -> None:
    with ControlPlane(_DIRECTORY) as plane:
        say("installing the neighbours' CRDs, the NovaCron CRD, the operator's rights and policies")
        crds.install(plane)
        # without its Deployment: a first ReplicaSet makes the server remember for 30 s which kinds may own an object
        account = install(plane)
        say("starting the operator, with the rights of its own service account")
        with Neighbours(plane.kubeconfig), OperatorProcess(account, _DIRECTORY) as operator:
            operator.until_leading()
            say("applying manifests/samples/minimal.yaml")
            plane.kubectl("apply", "-f", str(ROOT / "manifests" / "samples" / "minimal.yaml"))
            _follow(plane.kubectl)
            _said(started, plane.kubectl, _KINDS, str(plane.binary("kubectl")))
            click.echo("Nodes are simulated: Ready speaks of API objects, no process runs. As root on Linux they run.")
            _wait(wait)
    say("cleaned up")


def _said(started: float, kubectl: Kubectl, kinds: str, program: str) -> None:
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    say(f"Ready {minutes} min {seconds} s after the start")
    click.echo(kubectl("-n", _NAMESPACE, "get", kinds))
    click.echo(_NEXT.format(kubectl="kubectl" if shutil.which("kubectl") else program))


def _wait(wait: bool) -> None:
    if wait:
        click.echo("Ctrl-C ends the demo and cleans up.")
        with suppress(KeyboardInterrupt):
            signal.pause()
    say("stopping everything (up to ten seconds)")


def _follow(kubectl: Kubectl) -> None:
    """Says what Ready says, whenever it changes, until it is True."""
    shown = ""

    def ready() -> bool:
        nonlocal shown
        path = "{range .status.conditions[?(@.type=='Ready')]}{.status} {.reason}: {.message}{end}"
        now = kubectl("-n", _NAMESPACE, "get", "novacron", "novacron", "-o", f"jsonpath={path}")
        if now and now != shown:
            say(textwrap.shorten(f"Ready {now}", 150, placeholder=" ..."))
            shown = now
        return now.startswith("True")

    until(ready, "the NovaCron turns Ready", _READY_SECONDS, every=0.5)


if __name__ == "__main__":
    main(prog_name="make demo")
