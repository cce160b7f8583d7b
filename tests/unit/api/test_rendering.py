"""What is accepted can be rendered, and figures come out as they were given, but for less than Kubernetes counts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from novacron.api.v1alpha1 import InvalidResource, NovaCron, validate
from novacron.core import labels, quantity
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest
from novacron.stack.desired import wanted
from tests.support.refusals import ACCEPTED
from tests.support.resources import changed, minimal

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
RESOURCES = {"cpu": Decimal("0.001"), "memory": Decimal(1), "ephemeral-storage": Decimal(1)}
"""Resource -> the smallest part of it that Kubernetes counts."""
ROLES = ("api", "auth", "query", "ml")
SERVERS = [
    pytest.param(Capabilities((1, 36), custom_metrics=True), id="everything is there"),
    pytest.param(Capabilities((1, 31), frozenset()), id="old, and without neighbours"),
]


def _samples() -> dict[str, Manifest]:
    """The resource in each sample that has one."""
    documents = {path.stem: yaml.safe_load_all(path.read_text(encoding="utf-8")) for path in SAMPLES.glob("*.yaml")}
    return {f"sample {name}": item for name, all_ in documents.items() for item in all_ if item["kind"] == labels.KIND}


GOOD = {**ACCEPTED, **_samples()}


@pytest.mark.parametrize("capabilities", SERVERS)
@pytest.mark.parametrize("name", GOOD)
def test_what_is_accepted_is_rendered(name: str, capabilities: Capabilities) -> None:
    children = wanted(validate(changed(GOOD[name], {"metadata.uid": "u"})), capabilities).manifests
    identities = [(child["kind"], child["metadata"]["name"]) for child in children]
    assert len(set(identities)) == len(identities)
    assert "null" not in yaml.safe_dump(list(children)).split()


def _accepted(changes: Mapping[str, Any]) -> NovaCron:
    """The changed minimal resource; an example that is refused is skipped."""
    try:
        return validate(changed(minimal(), changes))
    except InvalidResource:
        reject()


QUANTITIES = st.from_regex(r"[0-9]{1,7}(\.[0-9]{1,6})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?", fullmatch=True)


def _is_the_figure(text: object, given_text: str, part: Decimal) -> bool:
    return abs(quantity.parse(str(text)) - quantity.parse(given_text)) < part


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], max_examples=60)
@given(st.sampled_from(sorted(RESOURCES)), QUANTITIES)
def test_any_figure_of_containers_and_their_bounds_is_rendered(name: str, text: str) -> None:
    """The same figure at every place that takes one of this resource."""
    places = [f"spec.{role}.resources.{side}['{name}']" for role in ROLES for side in ("requests", "limits")]
    places += [f"spec.governance.limitRange.{bound}['{name}']" for bound in ("default", "defaultRequest", "min")]
    if name == "ephemeral-storage":
        places.append("spec.ml.scratch.size")
    else:
        places.append(f"spec.governance.limitRange.max['{name}']")
    resource = _accepted(dict.fromkeys(places, text))
    children = {
        (child["kind"], child["metadata"]["name"]): child for child in wanted(resource, Capabilities()).manifests
    }
    (bounds,) = children["LimitRange", "novacron-limits"]["spec"]["limits"]
    for bound in ("default", "defaultRequest", "min", *(() if name == "ephemeral-storage" else ("max",))):
        assert _is_the_figure(bounds[bound][name], text, RESOURCES[name]), bound
    (container,) = children["Deployment", "novacron-api"]["spec"]["template"]["spec"]["containers"]
    assert _is_the_figure(container["resources"]["requests"][name], text, RESOURCES[name])
    assert _is_the_figure(container["resources"]["limits"][name], text, RESOURCES[name])


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], max_examples=60)
@given(
    st.sampled_from(
        ["cpu", "limits.cpu", "requests.memory", "requests.storage", "pods", "count/jobs.batch", "hugepages-2Mi"]
    ),
    QUANTITIES | st.integers(0, 10**18),
)
def test_any_figure_of_the_quota_is_rendered(name: str, figure: str | int) -> None:
    resource = _accepted({"spec.governance.resourceQuota.hard": {name: figure}})
    (quota,) = (child for child in wanted(resource, Capabilities()).manifests if child["kind"] == "ResourceQuota")
    assert _is_the_figure(quota["spec"]["hard"][name], str(figure), Decimal(1))


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], max_examples=40)
@given(QUANTITIES)
def test_any_end_of_right_sizing_is_rendered(text: str) -> None:
    changes = {"enabled": True, "maxMemory": text}
    body = {"spec.ml.memory.rightSizing": changes, "spec.ml.resources.limits.memory": "16Gi"}
    assert wanted(_accepted(body), Capabilities()).manifests
