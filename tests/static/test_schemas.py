"""Every schema of every supported server is met strictly, by core kinds and by those of the neighbours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import kubernetes_validate
import pytest
import yaml

from novacron.core import kinds
from novacron.core.manifest import Kind
from tests.support import resources
from tests.support.combinations import OPTIONS, children, covering, resource
from tests.support.controlplane import crds
from tests.support.resources import Manifest

SERVERS = (31, 32, 33, 34, 35, 36, 37)
_JOBS = Path(__file__).parents[2] / "manifests" / "samples" / "features-job.yaml"
_CORE = {kind.kind for kind in kinds.CORE_CHILDREN}


def rendered(server: int) -> list[Manifest]:
    """Each distinct child of all combinations and of a resource with every field given."""
    bodies = [resource(combination, "novacron") for combination in covering(OPTIONS)]
    texts = {
        json.dumps(child, sort_keys=True)
        for body in (*bodies, resources.full())
        for child in children(body, (1, server))
    }
    return [json.loads(text) for text in sorted(texts)]


@pytest.mark.parametrize("server", SERVERS)
def test_core_kinds_meet_the_schema_of_every_server_strictly(server: int) -> None:
    judged = [child for child in rendered(server) if child["kind"] in _CORE]
    assert {child["kind"] for child in judged} == _CORE
    for child in judged:
        kubernetes_validate.validate(child, f"1.{server}.0", strict=True)


@pytest.mark.parametrize("server", SERVERS)
def test_the_sample_with_jobs_meets_the_schema_of_every_server_strictly(server: int) -> None:
    for body in yaml.safe_load_all(_JOBS.read_text()):
        kubernetes_validate.validate(body, f"1.{server}.0", strict=True)


def test_an_unknown_field_is_an_error() -> None:
    """So that the test above says something."""
    child = next(item for item in rendered(37) if item["kind"] == "Deployment")
    child["spec"]["template"]["spec"]["noSuchField"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="noSuchField"):
        kubernetes_validate.validate(child, "1.37.0", strict=True)


def test_neighbours_kinds_meet_their_own_schemas_strictly() -> None:
    judged = [child for child in rendered(36) if child["kind"] not in _CORE]
    assert {child["kind"] for child in judged} == {kind.kind for kind in kinds.OPTIONAL_CHILDREN}
    validators = {kind.kind: jsonschema.Draft202012Validator(schema(kind)) for kind in kinds.OPTIONAL_CHILDREN}
    for child in judged:
        validators[child["kind"]].validate(child)


def test_an_unknown_field_of_a_neighbours_kind_is_an_error() -> None:
    child = next(item for item in rendered(36) if item["kind"] == "ServiceMonitor")
    child["spec"]["endpoints"][0]["noSuchField"] = True
    with pytest.raises(jsonschema.ValidationError, match="noSuchField"):
        jsonschema.Draft202012Validator(schema(kinds.SERVICE_MONITOR)).validate(child)


def schema(kind: Kind) -> Manifest:
    """From the neighbour's CustomResourceDefinition, in the version that we write."""
    (file,) = crds.directory().glob(f"*/{kind.resource}.yaml")
    versions = yaml.load(file.read_text(), _Loader)["spec"]["versions"]  # noqa: S506 - a SafeLoader
    wanted = kind.api_version.rpartition("/")[2]
    (found,) = (version["schema"]["openAPIV3Schema"] for version in versions if version["name"] == wanted)
    del found["properties"]["metadata"]
    strict: Manifest = _closed(found)
    strict["properties"]["metadata"] = {"type": "object"}
    return strict


class _Loader(yaml.CSafeLoader):
    """Takes the bare ``=`` of some enums as text."""


def _text(_loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:value", _text)


def _closed(node: Any) -> Any:
    """A schema with unknown fields refused, as the API server's strict validation does."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        closed.setdefault("additionalProperties", bool(node.get("x-kubernetes-preserve-unknown-fields")))
    return closed
