"""Clusters of a checkout by kind: simulated nodes, a real node, kind, or one of the user's that was named."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tests.support import our_image
from tests.support.controlplane import crds
from tests.support.controlplane.plane import ControlPlane, KubectlError
from tests.support.controlplane.progress import say
from tests.support.node.kind import KindCluster
from tests.support.node.real_node import RealNode


class Cluster(Protocol):
    """Something with a kubeconfig in the directory while it is up."""

    def up(self) -> None: ...

    def down(self) -> None: ...


class Simulated:
    """A control plane whose nodes kwok plays: objects are real, no container runs."""

    def __init__(self, directory: Path, nodes: int) -> None:
        self._plane = ControlPlane(directory, nodes=nodes, detached=True)

    def up(self) -> None:
        self._plane.up()
        crds.install(self._plane)

    def down(self) -> None:
        self._plane.forget()


class Real:
    """A control plane and one node on which containers run, our image among what it has; Linux, as root."""

    def __init__(self, directory: Path, _nodes: int = 1) -> None:
        self._kubeconfig = directory / "kubeconfig"
        self._node = RealNode(directory / "node", detached=True)

    def up(self) -> None:
        archive = our_image.built()
        self._node.up()
        crds.install(self._node.plane)
        self._node.load(archive)
        shutil.copyfile(self._node.plane.kubeconfig, self._kubeconfig)
        self._kubeconfig.chmod(0o600)

    def down(self) -> None:
        self._node.forget()


class Kind:
    """A cluster whose node is a Docker container, our image among what it has."""

    def __init__(self, directory: Path, _nodes: int = 1) -> None:
        self._cluster = KindCluster(directory)
        self._mark = directory / "kind"

    def up(self) -> None:
        self._cluster.up()
        self._mark.touch()
        self._cluster.load_image()

    def down(self) -> None:
        if self._mark.exists():
            self._cluster.down()
            self._mark.unlink()


class Named:
    """A context of the user's own kubeconfig, named by hand: nothing is started there, and nothing stopped."""

    def __init__(self, directory: Path, context: str) -> None:
        self._kubeconfig = directory / "kubeconfig"
        self._context = context

    def up(self) -> None:
        """Copies that one context, so that no later command can meet another cluster.

        Raises:
            KubectlError: it does not exist, or does not answer.
        """
        view = ["kubectl", "config", "view", "--minify", "--flatten", f"--context={self._context}"]
        found = _output(view)
        self._kubeconfig.parent.mkdir(exist_ok=True)
        self._kubeconfig.touch(0o600)
        self._kubeconfig.write_text(found)
        version = _output(["kubectl", f"--kubeconfig={self._kubeconfig}", "version", "--request-timeout=10s"])
        say(f"using {self._context}: {version.splitlines()[-1]}")

    def down(self) -> None:
        self._kubeconfig.unlink(missing_ok=True)


KINDS: Mapping[str, Callable[[Path, int], Cluster]] = {"simulated": Simulated, "real": Real, "kind": Kind}


def present(directory: Path) -> list[Cluster]:
    """What is up, or was, in the directory."""
    found: list[Cluster] = []
    if (directory / "state.json").exists():
        found.append(Simulated(directory, 0))
    if (directory / "node" / "box.json").exists():
        found.append(Real(directory))
    if (directory / "kind").exists():
        found.append(Kind(directory))
    return found


def _output(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        raise KubectlError(f"{command[0]} is not in PATH; a cluster of your own needs your own kubectl")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KubectlError(done.stderr.strip())
    return done.stdout
