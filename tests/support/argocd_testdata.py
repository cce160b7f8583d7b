"""Writes the test data of Argo CD's health check: dumps of a real NovaCron in each state, and what is expected of them.

``python -m tests.support.argocd_testdata``; a minute, on a control plane of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support import judges
from tests.support.api_client import Client, Manifest
from tests.support.controlplane import crds
from tests.support.controlplane.plane import ControlPlane
from tests.support.fault_proxy import FaultProxy
from tests.support.installation import install
from tests.support.neighbours import Neighbours
from tests.support.operator_process import OperatorProcess
from tests.support.place import Place
from tests.support.resources import minimal
from tests.support.waiting import until

DIRECTORY = judges.CUSTOMIZATION / "testdata"
_NAMESPACE = "novacron"
_NOISE = ("managedFields", "annotations")


def main() -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with _running() as (place, operator):
        dumps = dict(_states(place, operator))
    for name, body in dumps.items():
        (DIRECTORY / f"{name}.yaml").write_text(yaml.safe_dump(body, sort_keys=True, width=120))
    tests = [
        {"healthStatus": judges.argo_answer(body), "inputPath": f"testdata/{name}.yaml"} for name, body in dumps.items()
    ]
    (judges.CUSTOMIZATION / "health_test.yaml").write_text(yaml.safe_dump({"tests": tests}, sort_keys=False, width=120))


@contextmanager
def _running() -> Iterator[tuple[Place, OperatorProcess]]:
    with tempfile.TemporaryDirectory() as directory, ControlPlane() as plane:
        crds.install(plane)
        with FaultProxy(install(plane), Path(directory)) as proxy, Neighbours(plane.kubeconfig):
            operator = OperatorProcess(proxy.kubeconfig, Path(directory))
            try:
                yield Place(Client(plane.kubeconfig), proxy, _NAMESPACE), operator
            finally:
                operator.kill()


def _states(place: Place, operator: OperatorProcess) -> Iterator[tuple[str, Manifest]]:
    conflict: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "novacron-jwks"}}
    conflict["metadata"]["namespace"] = _NAMESPACE
    place.client.create(conflict)
    place.submit(minimal(namespace=_NAMESPACE))
    yield "progressing-unobserved", _dump(place)
    operator.start().until_leading()
    place.until_condition("Stalled", "True", "NameConflict")
    yield "degraded-name-conflict", _dump(place)
    place.client.delete("ConfigMap", _NAMESPACE, "novacron-jwks")
    place.until_condition("Reconciling", "True")
    yield "progressing-rollout", _dump(place)
    place.until_ready()
    yield "healthy", _dump(place)
    place.edit({"version": "v11.0.0"})
    yield "progressing-older-generation", _dump(place)
    place.until_ready()
    pause = {"metadata": {"annotations": {"novacron.io/paused": "true"}}}
    place.client.patch("NovaCron", _NAMESPACE, "novacron", pause)
    until(lambda: "Paused: True" in _summary(place), "Paused is True", 30)
    yield "suspended", _dump(place) | {"metadata": {**_dump(place)["metadata"], **pause["metadata"]}}


def _summary(place: Place) -> list[str]:
    return [f"{item['type']}: {item['status']}" for item in place.novacron()["status"]["conditions"]]


def _dump(place: Place) -> Manifest:
    body = place.novacron()
    body["metadata"] = {key: value for key, value in body["metadata"].items() if key not in _NOISE}
    return body


if __name__ == "__main__":
    main()
