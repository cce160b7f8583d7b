from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core import quantity
from novacron.core.capabilities import Capabilities
from novacron.stack import capacity
from novacron.stack.desired import wanted
from tests.support import resources


def _resource(**changes: Any) -> NovaCron:
    return validate(resources.changed(resources.minimal(), {f"spec.{key}": value for key, value in changes.items()}))


def _item(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


def _reasons(resource: NovaCron, *items: dict[str, Any]) -> list[str]:
    around: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        around.setdefault(item["kind"], []).append(item)
    return [finding.reason for finding in capacity.check(resource, around)]


def test_the_need_at_the_defaults_is_the_decided_one() -> None:
    need = capacity.need(_resource())
    assert {name: str(quantity.parse(text)) for name, text in _DECIDED.items()} == {
        name: str(need[name].normalize() if need[name] % 1 else int(need[name])) for name in _DECIDED
    }


_DECIDED = {
    "pods": "83",
    "requests.cpu": "18.1",
    "requests.memory": str(int(45.75 * 1024**3)),
    "requests.ephemeral-storage": str(115 * 1024**3),
    "limits.cpu": "86.5",
    "limits.memory": str(177 * 1024**3),
    "limits.ephemeral-storage": str(198 * 1024**3),
}


def test_each_figure_of_the_specification_is_raised_alone() -> None:
    assert capacity.hard(_resource()) == {
        "requests.cpu": "20",
        "requests.memory": "46848Mi",
        "requests.ephemeral-storage": "115Gi",
        "limits.cpu": "86500m",
        "limits.memory": "177Gi",
        "limits.ephemeral-storage": "200Gi",
        "pods": "83",
        "services": "10",
        "persistentvolumeclaims": "20",
    }


def test_a_given_figure_is_kept_and_found_too_small() -> None:
    resource = _resource(**{"governance.resourceQuota": {"hard": {"limits.memory": "100Gi"}}})
    hard = capacity.hard(resource)
    assert hard["limits.memory"] == "100Gi"
    (finding,) = capacity.check(resource, {"ResourceQuota": [_item("ResourceQuota", "nc-quota", hard=hard)]})
    assert finding.reason == "QuotaExceeded"
    assert "limits.memory 177Gi needed of 100Gi" in finding.message


def test_our_own_quota_always_fits() -> None:
    assert _reasons(_resource(), _item("ResourceQuota", "nc-quota", hard=capacity.hard(_resource()))) == []


@given(st.integers(1, 50), st.integers(1, 50))
def test_more_replicas_never_need_less(few: int, more: int) -> None:
    def need(replicas: int) -> dict[str, Any]:
        return capacity.need(_resource(**{"ml.replicas": max(replicas, 2)}))

    low, high = sorted((few, more))
    assert all(need(low)[name] <= need(high)[name] for name in need(low))


def test_right_sizing_counts_with_what_it_may_grow_to() -> None:
    resource = _resource(**{"ml.memory": {"rightSizing": {"enabled": True, "maxMemory": "32Gi"}}})
    assert capacity.most(resource)["memory"] == "32Gi"
    assert capacity.need(resource)["limits.memory"] - capacity.need(_resource())["limits.memory"] == 4 * 16 * 1024**3


_GROWING = {
    "ml.resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "4Gi"}},
    "ml.memory": {"rightSizing": {"enabled": True, "maxMemory": "32Gi"}},
}


@pytest.mark.parametrize(
    ("bound", "reasons"),
    [
        pytest.param({"max": {"memory": "4Gi"}}, [], id="max"),
        pytest.param({"maxLimitRequestRatio": {"memory": "4"}}, [], id="ratio"),
        pytest.param({"max": {"memory": "3Gi"}}, ["LimitRangeConflict"], id="max-below-the-limit-itself"),
        pytest.param({"maxLimitRequestRatio": {"memory": "3"}}, ["LimitRangeConflict"], id="ratio-below-the-limit"),
    ],
)
def test_a_limit_range_that_right_sizing_stops_at_refuses_nobody(bound: dict[str, Any], reasons: list[str]) -> None:
    theirs = _item("LimitRange", "theirs", limits=[{"type": "Container", **bound}])
    assert (
        _reasons(_resource(**_GROWING, **{"api.enabled": False, "query.enabled": False, "auth.enabled": False}), theirs)
        == reasons
    )


def test_the_limit_range_lets_every_pod_in() -> None:
    """Those of ml too, which are larger than the others."""
    assert capacity.most(_resource()) == {"cpu": "4", "memory": "16Gi", "ephemeral-storage": "10Gi"}
    assert capacity.least(_resource()) == {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "500Mi"}


def test_connections_are_shared_so_that_a_full_rollout_fits() -> None:
    assert capacity.connection_share(_resource()) == 6


_FOREIGN = [
    pytest.param(
        _item("LimitRange", "theirs", limits=[{"type": "Container", "max": {"memory": "8Gi"}}]),
        ["LimitRangeConflict"],
        id="their-limit-range",
    ),
    pytest.param(
        _item("LimitRange", "theirs", limits=[{"type": "Pod", "max": {"memory": "8Gi"}}]),
        ["LimitRangeConflict"],
        id="their-bound-of-pods",
    ),
    pytest.param(
        _item("LimitRange", "theirs", limits=[{"type": "Pod", "min": {"cpu": "150m"}}]),
        ["LimitRangeConflict"],
        id="their-lower-bound-of-pods",
    ),
    pytest.param(
        _item("LimitRange", "theirs", limits=[{"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]),
        [],
        id="of-another-type",
    ),
    pytest.param(
        _item("LimitRange", "theirs", limits=[{"type": "Container", "maxLimitRequestRatio": {"cpu": "4"}}]),
        ["LimitRangeConflict"] * 3,
        id="their-ratio",
    ),
    pytest.param(
        _item("LimitRange", "theirs", limits=[{"type": "Pod", "maxLimitRequestRatio": {"cpu": "5", "memory": "4"}}]),
        [],
        id="ratio-that-just-fits",
    ),
    pytest.param(_item("ResourceQuota", "theirs", hard={"pods": "10"}), ["QuotaExceeded"], id="their-quota"),
    pytest.param(_item("ResourceQuota", "theirs", hard={"secrets": "10"}), [], id="quota-of-something-else"),
    pytest.param(_item("ResourceQuota", "theirs", hard={"cpu": "18"}), ["QuotaExceeded"], id="quota-of-cpu-in-short"),
    pytest.param(_item("ResourceQuota", "theirs", hard={"cpu": "18100m"}), [], id="quota-of-cpu-that-just-fits"),
    pytest.param(
        _item("ResourceQuota", "theirs", hard={"memory": "45Gi"}), ["QuotaExceeded"], id="quota-of-memory-in-short"
    ),
    pytest.param(
        _item("ResourceQuota", "theirs", hard={"ephemeral-storage": "115Gi"}), [], id="quota-of-disk-that-just-fits"
    ),
    pytest.param(
        _item("ResourceQuota", "theirs", hard={"requests.nvidia.com/gpu": "0"}), [], id="quota-of-gpus-that-none-wants"
    ),
    pytest.param(
        _item("ResourceQuota", "theirs", hard={"pods": "1"}, scopes=["BestEffort"]), [], id="quota-of-other-pods"
    ),
    pytest.param(
        _item("ResourceQuota", "theirs", hard={"pods": "1"}, scopes=["Terminating"]), [], id="quota-of-pods-that-end"
    ),
    pytest.param(
        _item("ResourceQuota", "theirs", hard={"pods": "10"}, scopes=["NotTerminating"]),
        ["QuotaExceeded"],
        id="quota-of-pods-that-stay",
    ),
    pytest.param(
        _item("HorizontalPodAutoscaler", "theirs", scaleTargetRef={"kind": "Deployment", "name": "novacron-api"}),
        ["DuplicateAutoscaler"],
        id="second-autoscaler",
    ),
    pytest.param(
        _item(
            "PodDisruptionBudget",
            "theirs",
            minAvailable=2,
            selector={"matchLabels": {"app.kubernetes.io/component": "ml"}},
        ),
        ["DisruptionBudgetDeadlock"],
        id="budget-that-allows-nothing",
    ),
    pytest.param(
        _item(
            "PodDisruptionBudget",
            "theirs",
            minAvailable="50%",
            selector={"matchLabels": {"app.kubernetes.io/component": "ml"}},
        ),
        [],
        id="budget-that-allows-one",
    ),
    pytest.param(
        _item("PodDisruptionBudget", "theirs", maxUnavailable=0, selector={"matchLabels": {"app": "other"}}),
        [],
        id="budget-of-other-pods",
    ),
]


@pytest.mark.parametrize(("item", "reasons"), _FOREIGN)
def test_what_others_made_is_judged(item: dict[str, Any], reasons: list[str]) -> None:
    assert _reasons(_resource(), item) == reasons


def test_gpus_are_counted_twice_for_a_rollout() -> None:
    resource = _resource(**{"ml.gpus": 2})
    assert capacity.need(resource)["requests.nvidia.com/gpu"] == 2 * 2 * 2
    assert _reasons(resource, _item("ResourceQuota", "theirs", hard={"requests.nvidia.com/gpu": "8"})) == []
    short = _item("ResourceQuota", "theirs", hard={"requests.nvidia.com/gpu": "7"})
    (finding,) = capacity.check(resource, {"ResourceQuota": [short]})
    assert "requests.nvidia.com/gpu 8 needed of 7" in finding.message


def test_the_migration_has_the_size_of_query_also_while_that_is_off() -> None:
    off = {"query.enabled": False, "ml.enabled": False, "query.resources.limits.memory": "12Gi"}
    resource = _resource(**off)
    assert capacity.most(resource)["memory"] == "12Gi"
    theirs = _item("LimitRange", "theirs", limits=[{"type": "Container", "max": {"memory": "11Gi"}}])
    (finding,) = capacity.check(resource, {"LimitRange": [theirs]})
    assert finding.reason == "LimitRangeConflict"
    assert finding.message.startswith("migration limits memory 12Gi")
    assert _reasons(_resource(**off, **{"auth.enabled": False}), theirs) == []


@given(st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_our_own_budget_always_leaves_a_pod_and_lets_one_go(floor: int, unavailable: int, scaled: bool) -> None:
    changes = {
        "environment": "development",
        "api.autoscaling": {"enabled": scaled, "minReplicas": floor},
        "api.replicas": floor,
        "api.podDisruptionBudget.maxUnavailable": unavailable,
    }
    resource = _resource(**changes)
    items = wanted(resource, Capabilities()).manifests
    budgets = [item for item in items if item["kind"] == "PodDisruptionBudget"]
    ours = [item["spec"]["maxUnavailable"] for item in budgets if item["metadata"]["name"] == "novacron-api"]
    assert ours == ([min(unavailable, floor - 1)] if floor > 1 else [])
    assert _reasons(resource, *budgets) == []


def test_a_given_minimum_that_refuses_the_solver_is_named() -> None:
    exposure = {
        "type": "Ingress",
        "hosts": ["a.example.com"],
        "ingress": {"className": "x"},
        "tls": {"issuer": "letsencrypt"},
    }
    common = {"exposure": exposure, "networkPolicy": {"gatewayNamespaces": ["ingress"]}}
    assert _reasons(_resource(**common)) == []
    given_minimum = {"governance.limitRange.min": {"memory": "128Mi"}}
    assert _reasons(_resource(**common, **given_minimum)) == ["LimitRangeConflict"]
