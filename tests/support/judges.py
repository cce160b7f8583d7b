"""What GitOps tools and people make of a live NovaCron: kstatus, Flux, Argo CD and `kubectl wait`, side by side.

Nothing here asks a cluster: states are judged as they were seen.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lupa.lua51
import yaml

from novacron.core import conditions, labels
from tests.support.controlplane.build import built

LOCKS = Path(__file__).parents[1] / "judges"
GITOPS = Path(__file__).parents[2] / "manifests" / "gitops"
CUSTOMIZATION = GITOPS / "argocd" / "resource_customizations" / labels.GROUP / labels.KIND
HEALTH = CUSTOMIZATION / "health.lua"
FLUX = GITOPS / "flux" / "kustomization.yaml"
Manifest = dict[str, Any]

_ARGO = {"Current": "Healthy", "Failed": "Degraded", "InProgress": "Progressing", "Terminating": "Progressing"}
"""kstatus -> Argo CD."""


class JudgeError(Exception):
    """A judge could not be installed or did not answer; that is no verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What each makes of one state.

    Args:
        kstatus: Current, InProgress, Failed, Terminating, NotFound, Unknown.
        flux: the same words, from the expressions of manifests/gitops/flux; Unknown where they cannot be evaluated.
        argo: Healthy, Progressing, Degraded, Suspended.
        waited: whether `kubectl wait --for=condition=Ready` would return.
    """

    kstatus: str
    flux: str
    argo: str
    waited: bool


def verdicts(states: Sequence[Manifest]) -> list[Verdict]:
    """One for each state, in their order. One process judges all of them."""
    lines = "".join(json.dumps(item) + "\n" for item in states)
    command = [install(), *_expressions()]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise JudgeError(f"kstatus and Flux did not answer: {done.stderr}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        Verdict(answer["kstatus"], answer["flux"], argo_health(item), waited_for(item))
        for item, answer in zip(states, answers, strict=True)
    ]


def install() -> str:
    """Builds the judge of states, once; its path."""
    return str(built("judges-states", LOCKS / "states", (".",)) / "states")


def _expressions() -> list[str]:
    (check,) = yaml.safe_load(FLUX.read_text())["spec"]["healthCheckExprs"]
    flags = {"in-progress": "inProgress", "failed": "failed", "current": "current"}
    return [f"--{flag}={check[key]}" for flag, key in flags.items()]


def kstatus(states: Sequence[Manifest]) -> list[str]:
    """kstatus' word for each."""
    return [verdict.kstatus for verdict in verdicts(states)]


def argo_health(item: Manifest) -> str:
    """The status that health.lua gives: Healthy, Progressing, Degraded, Suspended."""
    return argo_answer(item)["status"]


def argo_answer(item: Manifest) -> dict[str, str]:
    """Status and message of health.lua in Lua 5.1, Argo CD's dialect."""
    runtime = lupa.lua51.LuaRuntime(unpack_returned_tuples=True)
    runtime.globals().obj = runtime.table_from(item, recursive=True)
    return {str(key): str(value) for key, value in runtime.execute(HEALTH.read_text()).items()}


def waited_for(item: Manifest) -> bool:
    """It honours the condition's observedGeneration."""
    ready = _conditions(item).get(conditions.READY)
    return (
        ready is not None
        and ready["status"] == "True"
        and ready.get("observedGeneration", 0) >= item["metadata"]["generation"]
    )


def assert_agree(states: Sequence[Manifest]) -> list[Verdict]:
    """All say the same of each state that is not paused; its summaries agree (docs/decisions/0008)."""
    found = verdicts(states)
    for item, verdict in zip(states, found, strict=True):
        if not paused(item):
            _assert_one(item, verdict)
    return found


def _assert_one(item: Manifest, verdict: Verdict) -> None:
    leaving = "deletionTimestamp" in item["metadata"]
    about = (verdict, leaving, summary(item))
    assert verdict.argo == _ARGO.get(verdict.kstatus), about
    if not leaving:
        assert verdict.flux == verdict.kstatus, about
        assert verdict.waited == (verdict.kstatus == "Current"), about
    truth = [status == "True" for status in summary(item)[:3]]
    assert truth in ([], [True, False, False], [False, True, False], [False, False, True]), about


def paused(item: Manifest) -> bool:
    return bool(item["metadata"].get("annotations", {}).get(labels.PAUSED) == "true")


def summary(item: Manifest) -> list[str]:
    """The statuses of Ready, Reconciling and Stalled, then what they say; empty before the operator's first word."""
    found = _conditions(item)
    if not found:
        return []
    three = [found[name] for name in (conditions.READY, conditions.RECONCILING, conditions.STALLED)]
    return [condition["status"] for condition in three] + [
        f"{condition['reason']}: {condition['message']}" for condition in three
    ]


def _conditions(item: Manifest) -> dict[str, Manifest]:
    return {condition["type"]: condition for condition in item.get("status", {}).get("conditions") or ()}
