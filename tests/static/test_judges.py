"""Static judges over combinations of options: nothing is found but what is waived, and every waiver still bites."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from novacron.api.v1alpha1 import validate
from novacron.core import kinds
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from tests.support import judges, resources

SERVERS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
WAIVERS = {
    ("checkov", "CKV_K8S_43"): "asks for an image digest; a resource that gives none is rendered with its tag",
    ("kube-score", "networkpolicy-targets-pod"): "novacron-acme-solver selects pods that cert-manager makes, not we",
}
"""Judge and check -> why it stays (decisions.md 19)."""
PERFECT_KUBESEC = 14
"""What kubesec 2.14.2 gives a pod that has all it asks for; its two other points want annotations that Kubernetes
dropped in favour of fields (seccomp.security.alpha, container.apparmor.security.beta)."""

_HARDENED = {"appArmor": "RuntimeDefault", "userNamespaces": True, "strictSupplementalGroups": True}
_GATEWAY = {
    "type": "Gateway",
    "hosts": ["a.example.com"],
    "gateway": {"name": "g", "namespace": "gw", "sectionName": "s"},
}
_INGRESS = {
    "type": "Ingress",
    "hosts": ["a.example.com"],
    "ingress": {"className": "public"},
    "tls": {"issuer": "letsencrypt"},
}
_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "exposure": [
        {},
        {"spec.exposure": _GATEWAY},
        {"spec.exposure": _INGRESS, "spec.networkPolicy": {"gatewayNamespaces": ["in"]}},
    ],
    "security": [{}, {"spec.security": _HARDENED}],
    "autoscaling": [{}, {f"spec.{name}.autoscaling": {"enabled": False} for name in ("api", "auth", "query")}],
    "ml": [{}, {"spec.ml.gpus": 1}, {"spec.ml.enabled": False}],
    "secrets": [{}, {"spec.secrets": {"provider": "Existing"}}],
    "service": [{}, {"spec.api.service": {"type": "LoadBalancer"}}],
}


def combinations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pair of options occurs in one of these; with all of them the judges would run for an hour."""
    names = list(_OPTIONS)
    seen: set[frozenset[tuple[str, int]]] = set()
    for choice in itertools.product(*(range(len(_OPTIONS[name])) for name in names)):
        chosen = list(zip(names, choice, strict=True))
        pairs = {frozenset(pair) for pair in itertools.combinations(chosen, 2)}
        if len(pairs - seen) >= 4 or not seen:
            seen |= pairs
            changes = {key: value for name, index in chosen for key, value in _OPTIONS[name][index].items()}
            label = "-".join(f"{name}{index}" for name, index in chosen if index) or "defaults"
            yield label, resources.changed(resources.minimal(), changes)


COMBINATIONS = dict(combinations())


def _rendered(body: dict[str, Any], server: str = "1.36", **capabilities: Any) -> list[dict[str, Any]]:
    body = {**body, "metadata": {**body["metadata"], "uid": "00000000-0000-0000-0000-000000000000"}}
    major, minor = (int(part) for part in server.split("."))
    return list(wanted(validate(body), Capabilities((major, minor), **capabilities)).manifests)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file a combination."""
    directory = tmp_path_factory.mktemp("rendered")
    for label, body in COMBINATIONS.items():
        (directory / f"{label}.yaml").write_text(yaml.dump_all(_rendered(body), Dumper=yaml.CSafeDumper))
    return directory


@pytest.mark.parametrize("server", SERVERS)
def test_every_schema_is_met_strictly(server: str) -> None:
    core = {kind.kind for kind in kinds.CORE_CHILDREN}
    for body in COMBINATIONS.values():
        for item in _rendered(body, server, custom_metrics=True):
            if item["kind"] in core:
                kubernetes_validate.validate(item, f"{server}.0", strict=True)


def test_checkov_finds_nothing_but_what_is_waived(rendered: Path) -> None:
    found = {(finding.judge, finding.check) for finding in judges.checkov(rendered)}
    assert found == {waiver for waiver in WAIVERS if waiver[0] == "checkov"}


def test_kube_score_finds_nothing_but_what_is_waived(tmp_path: Path) -> None:
    optional = ("container-ports-check", "container-seccomp-profile")
    found = {
        (finding.judge, finding.check): (label, finding.about)
        for label, body in COMBINATIONS.items()
        for finding in judges.kube_score(_rendered(body), tmp_path, optional)
    }
    assert found.keys() == {waiver for waiver in WAIVERS if waiver[0] == "kube-score"}, found


def test_kubesec_gives_every_workload_what_the_perfect_one_gets(tmp_path: Path) -> None:
    for label, body in COMBINATIONS.items():
        for score in judges.kubesec(_rendered(body), tmp_path):
            assert (score.points, score.critical) == (PERFECT_KUBESEC, ()), (label, score)


PROTECTION_OFF: list[Any] = [
    pytest.param(
        {"spec.networkPolicy.enabled": False},
        {"pod-networkpolicy"},
        id="network-policy",
    ),
    pytest.param(
        {f"spec.{name}.podDisruptionBudget": {"enabled": False} for name in ("api", "auth", "query", "ml")},
        {"deployment-has-poddisruptionbudget"},
        id="disruption-budget",
    ),
]


@pytest.mark.parametrize(("changes", "checks"), PROTECTION_OFF)
def test_a_protection_that_is_switched_off_is_found(changes: dict[str, Any], checks: set[str], tmp_path: Path) -> None:
    """So the judges do look: what they are silent about elsewhere is really there."""
    body = resources.changed(resources.minimal(), changes)
    assert {finding.check for finding in judges.kube_score(_rendered(body), tmp_path)} == checks
