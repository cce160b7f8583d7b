"""manifests/samples/features-job.yaml on the real node: its claim has a folder of the machine, with the parts in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from tests.support import documented
from tests.support.api_client import Manifest
from tests.support.controlplane.plane import KubectlError
from tests.support.living import ROOT, Living

_SAMPLE = "manifests/samples/features-job.yaml"
_PAGE = ROOT / "docs" / "ml.md"
PARTS = 8
_NAMESPACE = "novacron-features"
_USER = 65532
_PATIENCE, _SHORTER = "--timeout=24h", "--timeout=240s"


class Spread:
    """``with`` block around the sample's namespace and a volume for its claim; at its end both are deleted.

    Args:
        folder: becomes the volume.
        parts: the text of each.
    """

    def __init__(self, living: Living, folder: Path, parts: Sequence[bytes]) -> None:
        self._living = living
        self._folder = folder
        self._parts = parts

    def __enter__(self) -> Spread:
        self._folder.mkdir()
        for number, text in enumerate(self._parts):
            (self._folder / f"part-{number}.jsonl").write_bytes(text)
        os.chown(self._folder, _USER, _USER)
        self._living.kubectl("apply", "--server-side", "-f", "-", input=self._volume())
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._living.kubectl("delete", "namespace", _NAMESPACE, "--ignore-not-found", "--timeout=120s")
        self._living.kubectl("delete", "persistentvolume", _NAMESPACE)

    def run(self) -> str:
        """The answer, by the commands of the page, each as it stands there."""
        said = ""
        for words in documented.commands(_PAGE, "kubectl"):
            if words[1:4] == ["apply", "-f", _SAMPLE]:
                self.begin()
            elif _NAMESPACE in words:
                said = self._kubectl(*words[3 : words.index(">") if ">" in words else None])
        return said

    def begin(self) -> None:
        self._living.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(_sample()))

    def failed(self) -> str:
        """Which parts have failed, once the others are through."""
        self._kubectl("wait", "--for=condition=Failed", _PATIENCE, "job/features-parts")
        return self._kubectl("get", "job", "features-parts", "-o", "jsonpath={.status.failedIndexes}")

    def _kubectl(self, *words: str) -> str:
        there = ("-n", _NAMESPACE)
        try:
            return self._living.kubectl(*there, *(_SHORTER if word == _PATIENCE else word for word in words))
        except KubectlError as error:
            logs = self._living.kubectl(*there, "logs", "--prefix", "-l", "app.kubernetes.io/name=features")
            raise AssertionError(f"{error}; {self.pods()}; {logs[-4000:]}") from error

    def pods(self) -> list[tuple[str, str]]:
        """Job and outcome of every pod that there was."""
        listed = json.loads(self._kubectl("get", "pods", "-o", "json"))["items"]
        return sorted((pod["metadata"]["labels"]["batch.kubernetes.io/job-name"], _outcome(pod)) for pod in listed)

    def _volume(self) -> str:
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": _NAMESPACE},
            "spec": {
                "capacity": {"storage": "20Gi"},
                "accessModes": ["ReadWriteMany"],
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"namespace": _NAMESPACE, "name": "features"},
                "hostPath": {"path": str(self._folder), "type": "Directory"},
            },
        }
        return json.dumps(volume)


def _sample() -> Iterator[Manifest]:
    """As it stands, but for images that are on the node already."""
    for body in yaml.load_all((ROOT / _SAMPLE).read_text(), yaml.CSafeLoader):
        if body["kind"] == "Job":
            pod: dict[str, Any] = body["spec"]["template"]["spec"]
            pod["containers"][0]["imagePullPolicy"] = "IfNotPresent"
        yield body


def _outcome(pod: Manifest) -> str:
    (status,) = pod["status"]["containerStatuses"]
    return f"{pod['status']['phase']} after {status['restartCount']} restarts"
