"""Judges over manifests: nothing is found but what is waived, and every waiver still bites.

What the operator applies is rendered for combinations of options that hold every pair of them; the operator's own
manifests are judged too. Each render has a namespace of its own, so that one run of a judge takes all of them.
"""

from __future__ import annotations

import fnmatch
import functools
import itertools
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support import manifest_judges, resources
from tests.support.combinations import (
    OPTIONS,
    PINNED,
    ROLES,
    Changes,
    Combination,
    children,
    covering,
    every_pair,
    resource,
)
from tests.support.controlplane import binaries
from tests.support.judges import LOCKS, JudgeError
from tests.support.manifest_judges import JUDGES, Finding

MANIFESTS = Path(__file__).parents[2] / "manifests"
INSTALLS = ("install", "install-namespaced")
JOBS = "features-job"
"""The sample that brings pods of its own."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry of tests/judges/waivers.toml."""

    judge: str
    check: str
    on: str
    object: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        same = (self.judge, self.check, self.on) == (finding.judge, finding.check, on(finding))
        return same and fnmatch.fnmatchcase(finding.subject, self.object)


def on(finding: Finding) -> str:
    """Objects of a whole cluster are the operator's own."""
    return "install" if finding.namespace in (*INSTALLS, "") else "render"


WAIVERS = [Waiver(**entry) for entry in tomllib.loads((LOCKS / "waivers.toml").read_text())["waiver"]]
COMBINATIONS: dict[str, Combination] = {
    f"combination-{number}": found for number, found in enumerate(covering(OPTIONS), 1)
}
ALWAYS = frozenset(f"{waiver.judge} {waiver.check}" for waiver in WAIVERS if waiver.object == "Deployment/*")
"""What is found of every Deployment of a resource without image digests."""


@dataclass(frozen=True, slots=True)
class Off:
    """A protection that a resource switches off.

    Args:
        found: judge and check, of what is found then and not else.
        gone: what is found of every other resource, and of this one not.
    """

    changes: Changes
    found: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


def off(changes: Changes, *found: str, gone: Iterable[str] = ()) -> Off:
    return Off(changes, frozenset(found), frozenset(gone))


_ONE_POD: Changes = {"spec.environment": "development", **{f"spec.{role}.replicas": 1 for role in ROLES}}
_OWN_AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
        }
    }
}
OFF: dict[str, Off] = {
    "network-policies": off({"spec.networkPolicy.enabled": False}, "kube-score pod-networkpolicy"),
    "disruption-budgets": off(
        {f"spec.{role}.podDisruptionBudget.enabled": False for role in ROLES},
        "kube-score deployment-has-poddisruptionbudget",
    ),
    "always-pulling": off(
        {"spec.image.pullPolicy": "IfNotPresent"},
        "checkov CKV_K8S_15",
        "kube-score container-image-pull-policy",
    ),
    "pulling-a-digest": off(PINNED, "kube-score container-image-pull-policy", gone=["checkov CKV_K8S_43"]),
    "a-fixed-tag": off(
        {"spec.api.image.tag": "latest"},
        "checkov CKV_K8S_14",
        "kube-score container-image-tag",
        "kube-linter latest-tag",
    ),
    "more-than-one-pod": off(
        {**_ONE_POD, **{f"spec.{role}.autoscaling.enabled": False for role in ROLES}},
        "kube-score deployment-replicas",
    ),
    "a-floor-of-two": off(
        {"spec.environment": "development", "spec.api.autoscaling.minReplicas": 1},
        "kube-score horizontalpodautoscaler-replicas",
        "kube-score deployment-has-poddisruptionbudget",
    ),
    "spreading": off(
        {f"spec.{role}.affinity": _OWN_AFFINITY for role in ROLES},
        "kube-score deployment-has-host-podantiaffinity",
        "kube-linter no-anti-affinity",
    ),
    "a-high-user": off(
        {f"spec.{role}.uid": 1000 for role in ROLES},
        "checkov CKV_K8S_40",
        "kube-score container-security-context-user-group-id",
        "kubesec RunAsUser",
        "kubesec RunAsGroup",
    ),
    "different-probes": off(
        {"spec.api.probes.readiness.path": "/health"},
        "kube-score pod-probes-identical",
    ),
    "a-limit-range": off({"spec.governance.limitRange.enabled": False}),
    "a-quota": off({"spec.governance.resourceQuota.enabled": False}),
    "encryption": off({"spec.environment": "development", "spec.redis.tls": False, "spec.database.sslMode": "disable"}),
}
"""Name, which is also a namespace -> what follows. No judge looks at the last three."""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for each combination, each protection that is off, each way to install, and the sample with Jobs."""
    directory = tmp_path_factory.mktemp("rendered")
    bodies = {name: resource(combination, name) for name, combination in COMBINATIONS.items()}
    bodies |= {name: resources.changed(resources.minimal(namespace=name), row.changes) for name, row in OFF.items()}
    for name, body in bodies.items():
        (directory / f"{name}.yaml").write_text(yaml.dump_all(children(body), Dumper=yaml.CSafeDumper))
    for name in INSTALLS:
        command = [str(binaries.directory() / "kubectl"), "kustomize", str(MANIFESTS / name)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (directory / f"{name}.yaml").write_text(text.replace("novacron-system", name))
    (directory / f"{JOBS}.yaml").write_text((MANIFESTS / "samples" / f"{JOBS}.yaml").read_text())
    return directory


@pytest.fixture(scope="module")
def findings(rendered: Path) -> Callable[[str], list[Finding]]:
    """What a judge finds; each runs once."""
    return functools.cache(lambda judge: sorted(JUDGES[judge](rendered)))


def text(found: Finding) -> str:
    return f"{found.judge} {found.check}"


def test_every_pair_of_options_is_judged() -> None:
    seen = {frozenset(pair) for one in COMBINATIONS.values() for pair in itertools.combinations(one, 2)}
    assert seen == every_pair(OPTIONS)


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from("12345"), min_size=1, max_size=4, unique=True), min_size=2
    )
)
def test_combinations_hold_every_pair_of_any_options(options: dict[str, list[str]]) -> None:
    combinations = list(covering(options))
    held = {frozenset(pair) for one in combinations for pair in itertools.combinations(one, 2)}
    assert held == every_pair({option: dict.fromkeys(values) for option, values in options.items()})
    assert all(dict(one).keys() == options.keys() for one in combinations)


@pytest.mark.parametrize("judge", JUDGES)
def test_nothing_is_found_but_what_is_waived(judge: str, findings: Callable[[str], list[Finding]]) -> None:
    unexpected = [
        (COMBINATIONS.get(finding.namespace), finding)
        for finding in findings(judge)
        if finding.namespace not in OFF and not any(waiver.covers(finding) for waiver in WAIVERS)
    ]
    assert unexpected == []


@pytest.mark.parametrize("waiver", WAIVERS, ids=lambda waiver: f"{waiver.judge}-{waiver.check}-{waiver.on}")
def test_a_waiver_still_bites(waiver: Waiver, findings: Callable[[str], list[Finding]]) -> None:
    assert any(waiver.covers(finding) for finding in findings(waiver.judge))
    assert waiver.reason.endswith(".")


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", OFF)
def test_a_protection_that_is_switched_off_is_found(
    name: str, judge: str, findings: Callable[[str], list[Finding]]
) -> None:
    """So the judges do look: what they are silent about elsewhere is really there."""
    row = OFF[name]
    expected = {check for check in (ALWAYS | row.found) - row.gone if check.startswith(f"{judge} ")}
    assert {text(finding) for finding in findings(judge) if finding.namespace == name} == expected


def test_kubesec_calls_nothing_critical_and_every_workload_gets_the_points_of_the_perfect_one(rendered: Path) -> None:
    waived = {waiver.check for waiver in WAIVERS if waiver.judge == "kubesec" and waiver.on == "render"}
    best = sum(points for check, points in manifest_judges.kubesec_rewards().items() if check not in waived)
    scores = manifest_judges.kubesec_scores(rendered)
    judged = [score for score in scores if score.namespace in COMBINATIONS]
    assert {(score.points, score.critical) for score in judged} == {(best, ())}
    assert len(judged) > len(COMBINATIONS)


@pytest.mark.parametrize("judge", JUDGES)
def test_a_file_that_cannot_be_parsed_never_counts_as_one_without_findings(judge: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("kind: Deployment\n  metadata: [")
    (tmp_path / "fine.yaml").write_text(yaml.dump_all(children(resources.minimal()), Dumper=yaml.CSafeDumper))
    with pytest.raises(JudgeError, match=r"broken\.yaml"):
        JUDGES[judge](tmp_path)


def test_kube_linter_is_among_the_judges() -> None:
    if not manifest_judges.HAS_KUBE_LINTER:
        pytest.skip("kube-linter is not in PATH, and no package registry gives it away (README, Limits of the tests)")
    assert "kube-linter" in JUDGES
