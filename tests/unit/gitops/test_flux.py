"""Flux' health check: the file parses and speaks of what the operator writes."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from novacron.core import conditions, labels

FILE = Path(__file__).parents[3] / "manifests" / "gitops" / "flux" / "kustomization.yaml"


def test_the_expressions_name_conditions_that_the_operator_writes() -> None:
    spec = yaml.safe_load(FILE.read_text())["spec"]
    assert spec["wait"] is True
    (check,) = spec["healthCheckExprs"]
    assert (check["apiVersion"], check["kind"]) == (labels.API_VERSION, labels.KIND)
    named = {part: set(re.findall(r"c\.type == '(\w+)'", check[part])) for part in ("inProgress", "failed", "current")}
    assert named == {
        "inProgress": {conditions.RECONCILING},
        "failed": {conditions.STALLED},
        "current": {conditions.READY},
    }
    assert "status.observedGeneration != metadata.generation" in check["inProgress"]
