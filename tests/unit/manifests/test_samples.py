"""The samples: valid resources, and the full one names every field that there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.api.v1alpha1 import validate
from novacron.core import labels
from tests.support import resources
from tests.support.combinations import children
from tests.support.schema import fields

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
NAMES = ("minimal", "full", "development")
JOBS = "features-job"


def resource(name: str) -> dict[str, Any]:
    documents = yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text())
    (found,) = (item for item in documents if item["kind"] == labels.KIND)
    return {**found, "metadata": {**found["metadata"], "uid": ""}}


def named(document: Any, path: str) -> Iterator[str]:
    """Every path of a document; entries of lists as ``[]``, and of maps under their key and as ``[]``."""
    yield path
    if isinstance(document, list):
        for entry in document:
            yield from named(entry, f"{path}[]")
    elif isinstance(document, dict):
        for key, entry in document.items():
            yield from named(entry, f"{path}.{key}")
            yield from named(entry, f"{path}[]")


def test_there_are_exactly_these_samples() -> None:
    assert {path.stem for path in SAMPLES.glob("*.yaml")} == {*NAMES, JOBS}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_valid_and_brings_a_namespace_that_enforces_restricted(name: str) -> None:
    body = resource(name)
    assert validate(body).metadata.namespace == "novacron"
    first = next(yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text()))
    assert (first["kind"], first["metadata"]["name"]) == ("Namespace", "novacron")
    assert first["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_full_sample_names_every_field() -> None:
    present = set(named(resource("full")["spec"], "spec"))
    assert [path for path, _member, _model in fields() if path not in present] == []


def test_the_minimal_sample_names_only_what_is_required() -> None:
    spec = resource("minimal")["spec"]
    assert sorted(spec) == ["database", "redis", "secrets", "version"]
    assert {part: sorted(spec[part]) for part in ("database", "redis", "secrets")} == {
        "database": ["host"],
        "redis": ["host"],
        "secrets": ["vault"],
    }


@pytest.mark.parametrize("workload", ["api", "auth", "query", "ml"])
def test_the_full_sample_does_not_ask_to_be_near_and_far_from_the_same_pods(workload: str) -> None:
    affinity = resource("full")["spec"][workload]["affinity"]
    near, far = (
        affinity[side]["requiredDuringSchedulingIgnoredDuringExecution"] for side in ("podAffinity", "podAntiAffinity")
    )
    assert not [term for term in near if term["labelSelector"] in [other["labelSelector"] for other in far]]


def test_the_full_sample_gives_no_certificate_to_a_gateway() -> None:
    """It would be without effect: the Gateway's listener has its own."""
    exposure = resource("full")["spec"]["exposure"]
    assert (exposure["type"], exposure["tls"]) == ("Gateway", {"secretName": "", "issuer": ""})


def test_the_jobs_are_hardened_as_migrations_are_and_ask_for_all_they_may_have() -> None:
    documents = list(yaml.safe_load_all((SAMPLES / f"{JOBS}.yaml").read_text()))
    model = next(item for item in children(resources.minimal()) if item["kind"] == "Job")["spec"]["template"]["spec"]
    for job in (item for item in documents if item["kind"] == "Job"):
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"] == model["securityContext"]
        assert container["securityContext"] == model["containers"][0]["securityContext"]
        for name in ("automountServiceAccountToken", "enableServiceLinks", "restartPolicy"):
            assert pod[name] == model[name]
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert requests.keys() == limits.keys() == {"cpu", "memory", "ephemeral-storage"}
        assert {**requests, "cpu": ""} == {**limits, "cpu": ""}


def test_the_jobs_merge_a_state_of_each_part() -> None:
    parts, merge = (
        item["spec"] for item in yaml.safe_load_all((SAMPLES / f"{JOBS}.yaml").read_text()) if item["kind"] == "Job"
    )
    arguments = parts["template"]["spec"]["containers"][0]["args"]
    (state,) = [word.partition("=")[2] for word in arguments if word.startswith("--partial=")]
    merged = merge["template"]["spec"]["containers"][0]["args"]
    wanted = [state.replace("$(JOB_COMPLETION_INDEX)", str(index)) for index in range(parts["completions"])]
    assert [word for word in merged if word.endswith(".state")] == wanted
    assert merge["suspend"]
