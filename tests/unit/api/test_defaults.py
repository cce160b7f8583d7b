"""The models against the contract with administrators: every field, every default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.api.v1alpha1 import NovaCronSpec, validate
from novacron.api.v1alpha1.shape import Shape
from tests.support.resources import changed, full, minimal
from tests.support.schema import leaves

CONTRACT: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "contract.yaml").read_text(encoding="utf-8"))
EXAMPLES = {"spec.version", "spec.database.host", "spec.redis.host"}
ADDED = {"spec.auth.ports.internal"}
"""Beyond the contract: the port that the contract names in a comment only."""


def _flat(document: Any, path: str) -> dict[str, Any]:
    if isinstance(document, dict) and document:
        return {key: value for name in document for key, value in _flat(document[name], f"{path}.{name}").items()}
    return {path: document}


EXPECTED = _flat(CONTRACT["spec"], "spec")
DEFAULTS = _flat(validate(minimal()).manifest()["spec"], "spec")


@pytest.mark.parametrize("path", sorted(EXPECTED.keys() - EXAMPLES))
def test_default_is_the_contract_s(path: str) -> None:
    assert DEFAULTS[path] == EXPECTED[path]


def test_workloads_repeat_the_defaults_of_api_where_the_contract_is_silent() -> None:
    silent = DEFAULTS.keys() - EXPECTED.keys() - ADDED
    assert silent
    for path in silent:
        _spec, workload, rest = path.split(".", 2)
        assert workload in {"auth", "query", "ml"}
        assert DEFAULTS[path] == EXPECTED[f"spec.api.{rest}"], path


def test_contract_itself_is_a_valid_resource() -> None:
    assert validate(minimal(**CONTRACT["spec"])).spec.version == "v10.0.0"


def test_full_resource_gives_every_field_of_the_contract() -> None:
    given = _flat(full()["spec"], "spec")
    assert {path for path in DEFAULTS if not any(key == path or key.startswith(f"{path}.") for key in given)} == set()


def test_full_resource_comes_back_as_given_but_for_cpu_as_text() -> None:
    manifest = validate(full()).manifest()["spec"]
    for leaf in leaves(full()["spec"], Shape("object", model=NovaCronSpec), "spec"):
        expected = str(leaf.value) if leaf.shape.kind == "string" else leaf.value
        assert changed({"spec": manifest}, {leaf.path: expected}) == {"spec": manifest}, leaf.path


def test_workloads_keep_their_order() -> None:
    assert list(validate(minimal()).spec.workloads) == ["api", "auth", "query", "ml"]


@pytest.mark.parametrize(("autoscaling", "least", "most"), [(True, 3, 20), (False, 5, 5)])
def test_replicas_follow_autoscaling(autoscaling: bool, least: int, most: int) -> None:
    resource = changed(minimal(), {"spec.api.autoscaling.enabled": autoscaling, "spec.api.replicas": 5})
    api = validate(resource).spec.api
    assert (api.min_replicas, api.max_replicas) == (least, most)


def test_null_reads_as_not_given() -> None:
    resource = changed(minimal(), {"spec.api": None, "spec.auth.jwt.tokenTTL": None, "metadata.annotations": None})
    assert validate(resource) == validate(minimal())


def test_models_are_frozen() -> None:
    spec = validate(minimal()).spec
    with pytest.raises(ValueError, match="frozen"):
        spec.version = "v11"  # type: ignore[misc]
