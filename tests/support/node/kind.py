"""kind, where a Docker engine runs: nodes are containers, with a network-policy engine of their own."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support import our_image
from tests.support.controlplane.build import built
from tests.support.controlplane.process import StartError
from tests.support.controlplane.progress import say

_MODULE = Path(__file__).parents[2] / "e2e" / "kind"
_CLUSTER = "novacron"


@functools.cache
def _command() -> Path:
    return built("kind", _MODULE, flags=("-ldflags", "-s -w")) / "kind"


class KindCluster:
    """A cluster of this checkout.

    Args:
        directory: gets the kubeconfig.
    """

    def __init__(self, directory: Path) -> None:
        self.kubeconfig = directory / "kubeconfig"

    def up(self) -> None:
        """Creates it, or finds it; its node image is the one that this version of kind pins by digest.

        Raises:
            StartError: no Docker engine runs, or kind failed.
        """
        engine = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
        if engine.returncode:
            raise StartError(
                "kind needs a running Docker engine, and `docker info` fails: start Docker, or use NODE=real"
            )
        self.kubeconfig.parent.mkdir(exist_ok=True)
        if _CLUSTER in _kind(("get", "clusters")).split():
            say(f"reusing the kind cluster {_CLUSTER}")
            _kind(("export", "kubeconfig", "--name", _CLUSTER, "--kubeconfig", str(self.kubeconfig)))
            return
        say(f"creating the kind cluster {_CLUSTER} (about a minute)")
        _kind(("create", "cluster", "--name", _CLUSTER, "--kubeconfig", str(self.kubeconfig), "--wait", "120s"))

    def load_image(self) -> None:
        """Builds our image with the Docker engine that kind needs anyway, and gives it to the node."""
        say("building the image with Docker")
        name = our_image.OPERATOR.removeprefix("docker.io/")
        done = subprocess.run(
            ["docker", "build", "--tag", name, str(our_image.ROOT)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StartError(f"`docker build` failed: {done.stderr.strip()[-2000:]}")
        _kind(("load", "docker-image", name, "--name", _CLUSTER))

    def down(self) -> None:
        _kind(("delete", "cluster", "--name", _CLUSTER, "--kubeconfig", str(self.kubeconfig)))


def _kind(arguments: Sequence[str]) -> str:
    done = subprocess.run([str(_command()), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(f"`kind {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout
