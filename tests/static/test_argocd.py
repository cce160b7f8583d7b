"""Argo CD's health check in Lua 5.1 over hand-made states, its ConfigMap, and its agreement with kstatus."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.core import labels
from tests.support import judges
from tests.support.controlplane import binaries

GITOPS = Path(__file__).parents[2] / "manifests" / "gitops"
ARGOCD = GITOPS / "argocd"
Manifest = dict[str, Any]


def state(
    conditions: Mapping[str, str], *, generation: int = 3, observed: int | None = 3, paused: str = ""
) -> Manifest:
    """A NovaCron with some of its conditions; ``observed`` None: no status at all."""
    meta: Manifest = {"name": "novacron", "namespace": "novacron", "generation": generation, "uid": "u"}
    if paused:
        meta["annotations"] = {labels.PAUSED: paused}
    body: Manifest = {"apiVersion": labels.API_VERSION, "kind": labels.KIND, "metadata": meta, "spec": {}}
    if observed is not None:
        body["status"] = {
            "observedGeneration": observed,
            "conditions": [
                {
                    "type": type_,
                    "status": status,
                    "reason": "Because",
                    "message": "text",
                    "observedGeneration": observed,
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
                for type_, status in conditions.items()
            ],
        }
    return body


READY = {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
WORKING = {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
STUCK = {"Ready": "False", "Reconciling": "False", "Stalled": "True"}


def deleted(body: Manifest) -> Manifest:
    meta = {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
    return {**body, "metadata": meta}


STATES: dict[str, tuple[Manifest, str]] = {
    "healthy": (state(READY), "Healthy"),
    "reconciling": (state(WORKING), "Progressing"),
    "stalled": (state(STUCK), "Degraded"),
    "as the API server creates it": (state({}, generation=1, observed=-1), "Progressing"),
    "no status": (state({}, observed=None), "Progressing"),
    "Ready of an older generation": (state(READY, generation=4), "Progressing"),
    "stalled in an older generation": (state(STUCK, generation=4), "Progressing"),
    "being deleted, still Ready": (deleted(state(READY)), "Progressing"),
    "being deleted, stalled": (deleted(state(STUCK)), "Progressing"),
    "not paused": (state(READY, paused="false"), "Healthy"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_has_its_verdict(name: str) -> None:
    body, verdict = STATES[name]
    assert judges.argo_health(body) == verdict


@pytest.mark.parametrize("found", [READY, WORKING, STUCK])
@pytest.mark.parametrize("observed", [3, 2])
def test_paused_is_suspended_whatever_the_conditions_say(found: dict[str, str], observed: int) -> None:
    assert judges.argo_health(state(found, observed=observed, paused="true")) == "Suspended"


def test_a_paused_resource_that_is_deleted_is_on_its_way_out() -> None:
    assert judges.argo_health(deleted(state(READY, paused="true"))) == "Progressing"


@pytest.mark.parametrize("statuses", [*itertools.product(("True", "False", "Unknown", ""), repeat=3)])
def test_every_combination_of_the_three_conditions_has_a_verdict(statuses: tuple[str, ...]) -> None:
    """Also those that the operator never writes; absent ones are written as empty."""
    named = zip(("Ready", "Reconciling", "Stalled"), statuses, strict=True)
    found = {type_: status for type_, status in named if status}
    ready, reconciling, stalled = statuses
    expected = "Progressing"
    if reconciling != "True":
        expected = "Degraded" if stalled == "True" else "Healthy" if ready == "True" else "Progressing"
    assert judges.argo_health(state(found)) == expected


def test_kstatus_agrees_in_every_state_that_the_server_can_show() -> None:
    judges.assert_agree([body for name, (body, _verdict) in STATES.items() if name != "no status"])


def test_without_the_default_of_the_status_kstatus_would_call_a_new_resource_current() -> None:
    """Why the CRD says ``status.default.observedGeneration: -1``: no resource is ever without a status."""
    body, verdict = STATES["no status"]
    assert (judges.kstatus([body]), verdict) == (["Current"], "Progressing")


def test_the_config_map_holds_the_very_health_check() -> None:
    command = [str(binaries.directory() / "kubectl"), "kustomize", str(ARGOCD)]
    built = yaml.safe_load(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert (built["kind"], built["metadata"]) == ("ConfigMap", {"name": "argocd-cm", "namespace": "argocd"})
    key = f"resource.customizations.health.{labels.GROUP}_{labels.KIND}"
    assert built["data"] == {key: judges.HEALTH.read_text()}


def test_the_dumps_of_a_real_resource_get_what_is_expected_of_them() -> None:
    """In the form of Argo CD's own repository, so that the folder can be handed in there as it stands."""
    expected = yaml.safe_load((judges.CUSTOMIZATION / "health_test.yaml").read_text())["tests"]
    for test in expected:
        body = yaml.safe_load((judges.CUSTOMIZATION / test["inputPath"]).read_text())
        assert judges.argo_answer(body) == test["healthStatus"], test["inputPath"]
    seen = {test["healthStatus"]["status"] for test in expected}
    assert seen == {"Healthy", "Progressing", "Degraded", "Suspended"}
    written = {f"testdata/{file.name}" for file in (judges.CUSTOMIZATION / "testdata").iterdir()}
    assert written == {test["inputPath"] for test in expected}
