"""`kubectl wait --for=condition=Ready` itself, over states made by hand; elsewhere the judges stand in for it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from tests.support import judges
from tests.support.api_client import Client
from tests.support.controlplane.plane import ControlPlane, KubectlError
from tests.support.place import small

_TRUTH = {"ready": "True", "working": "False", "unknown": "Unknown", "ready-before-an-edit": "True"}
"""Case -> status of Ready."""


def test_it_returns_exactly_when_the_judges_say_so(api_server: ControlPlane, client: Client) -> None:
    """No operator serves these namespaces, so the states stay as they are."""
    cases = {f"wait-{os.getpid()}-{case}": status for case, status in _TRUTH.items()}
    for namespace, status in cases.items():
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        _report(client, namespace, status)
        if namespace.endswith("edit"):
            client.patch("NovaCron", namespace, "novacron", {"spec": {"version": "v11.0.0"}})
    with ThreadPoolExecutor(len(cases)) as pool:
        returned = dict(zip(cases, pool.map(lambda namespace: _returns(api_server, namespace), cases), strict=True))
    bodies = {namespace: client.get("NovaCron", namespace, "novacron") or {} for namespace in cases}
    assert returned == {namespace: judges.waited_for(body) for namespace, body in bodies.items()}
    assert sorted(returned.values()) == [False, False, False, True]


def _report(client: Client, namespace: str, status: str) -> None:
    generation = client.apply(small(namespace))["metadata"]["generation"]
    busy = "False" if status == "True" else "True"
    conditions = [
        {
            "type": type_,
            "status": found,
            "reason": "Progressing",
            "message": "made by hand",
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for type_, found in (("Ready", status), ("Reconciling", busy), ("Stalled", "False"))
    ]
    body = {"status": {"observedGeneration": generation, "conditions": conditions}}
    client.patch("NovaCron", namespace, "novacron", body, subresource="status")


def _returns(plane: ControlPlane, namespace: str) -> bool:
    try:
        plane.kubectl("wait", "-n", namespace, "--for=condition=Ready", "--timeout=2s", "novacron/novacron")
    except KubectlError as error:
        if "timed out" in str(error):
            return False
        raise
    return True
