"""A living NovaCron's surroundings: a real node, its neighbours, our image, the operator as pods."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from image.archive import describe
from tests.support import our_image
from tests.support.api_client import Client, Manifest
from tests.support.controlplane import crds
from tests.support.controlplane.process import UpAndDown
from tests.support.controlplane.progress import say
from tests.support.node import configuration
from tests.support.node.neighbours import images
from tests.support.node.neighbours.real import Neighbours
from tests.support.node.network import Network
from tests.support.node.real_node import RealNode

ROOT = Path(__file__).parents[2]
HOME = "novacron-system"
NAMESPACE = "novacron"
IMAGE, OPERATOR_IMAGE = our_image.NAME, our_image.OPERATOR
VERSIONS = ("v10.0.0", "v10.0.1")
"""The image under the tag of the sample's version, and under one that it may change to."""
PROPAGATION_SECONDS = 20
"""Within which a changed Secret is in every pod: the kubelet's period, what it caches, and a reload."""
_OPERATOR_SECONDS = 90


class Living(UpAndDown):
    """Starts on entering, is gone on leaving.

    Args:
        directory: keeps everything; a temporary one where none is given.
        detached: whether it goes on when this process ends.
    """

    def __init__(self, directory: Path | None = None, *, detached: bool = False) -> None:
        self.node = RealNode(directory, detached=detached)
        self.network = Network(self.node.box)
        self._neighbours: Neighbours | None = None
        self.image_id = ""
        """Of the image under test, as the runtime says it: the digest of its configuration."""

    @property
    def neighbours(self) -> Neighbours:
        assert self._neighbours is not None, "not up"
        return self._neighbours

    @property
    def client(self) -> Client:
        """The administrator."""
        return Client(self.node.plane.kubeconfig)

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - subprocess' own word
        return self.node.kubectl(*arguments, input=input)

    def up(self) -> None:
        """Everything but a NovaCron; what has to be built is built before anything starts."""
        archive = our_image.built()
        self.image_id = describe(archive).manifest["config"]["digest"]
        images.build()
        started = time.monotonic()
        self.node.up()
        crds.install(self.node.plane)
        self.node.load(archive)
        for version in VERSIONS:
            self.node.tag(OPERATOR_IMAGE, f"{IMAGE}:{version}")
        kubelets = self.node.kubelet_authority.read_text()
        self._neighbours = Neighbours(self.node, self.node.directory, configuration.CLUSTER_DNS, kubelets)
        self._neighbours.up()
        self.install(OPERATOR_IMAGE)
        say(f"a cluster with neighbours and the operator after {time.monotonic() - started:.1f} s")

    def down(self) -> None:
        self.node.down()

    def install(self, image: str, source: Path = ROOT) -> None:
        """manifests/install of a checkout as an administrator applies it, with an image that is on the node already."""
        rendered = self.kubectl("kustomize", str(source / "manifests" / "install"))
        documents = [_adapted(body, image) for body in yaml.load_all(rendered, yaml.CSafeLoader)]
        for batch in _ordered(documents):
            text = yaml.dump_all(batch, Dumper=yaml.CSafeDumper)
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)
            self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/novacrons.novacron.io")
        say("waiting for the operator's pods")
        rollout = ("rollout", "status", "deployment/novacron-operator", f"--timeout={_OPERATOR_SECONDS}s")
        self.kubectl("-n", HOME, *rollout)


def sample() -> list[Manifest]:
    """manifests/samples/development.yaml: its namespace and its NovaCron."""
    text = (ROOT / "manifests" / "samples" / "development.yaml").read_text()
    return list(yaml.load_all(text, yaml.CSafeLoader))


def _ordered(documents: Sequence[Manifest]) -> list[list[Manifest]]:
    """The pods last: they find the CRD and their rights."""
    pods = [body for body in documents if body["kind"] == "Deployment"]
    return [[body for body in documents if body["kind"] != "Deployment"], pods]


def _adapted(body: Manifest, image: str) -> Manifest:
    """The operator's pods fit this node: our image, and a kubelet that looks at mounted files every 5 s."""
    if body["kind"] == "Deployment":
        container: dict[str, Any] = body["spec"]["template"]["spec"]["containers"][0]
        container |= {"image": image, "imagePullPolicy": "IfNotPresent"}
        container["args"].append(f"--propagation={PROPAGATION_SECONDS}")
    return body
