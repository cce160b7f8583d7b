"""manifests/monitoring: the operator is scraped with its own labels; its alerts and dashboard ask for what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.core import labels
from tests.unit.manifests import observability

MANIFESTS = Path(__file__).parents[3] / "manifests"
MONITORING = MANIFESTS / "monitoring"


def document(file: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MONITORING / file).read_text())
    return found


def installed(kind: str) -> dict[str, Any]:
    documents = yaml.safe_load_all((MANIFESTS / "base" / "operator.yaml").read_text())
    found: dict[str, Any] = next(item for item in documents if item["kind"] == kind)
    return found


RULES = [rule for group in document("rules.yaml")["spec"]["groups"] for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is_and_leads_somewhere(rule: dict[str, Any]) -> None:
    observability.check_rule(rule)


def test_each_of_these_is_watched_over() -> None:
    assert {rule["alert"].removeprefix("NovaCronOperator"): rule["labels"]["severity"] for rule in RULES} == {
        "Absent": "critical",
        "QueueOld": "warning",
        "WatchUnhealthy": "warning",
        "Errors": "warning",
        "LeadershipFlaps": "warning",
    }


def test_the_absence_of_a_leader_names_a_namespace_of_its_own() -> None:
    """absent() of a comparison gives a series without labels."""
    (rule,) = (rule for rule in RULES if rule["alert"] == "NovaCronOperatorAbsent")
    assert rule["expr"] == "absent(novacron_leader == 1)"
    assert rule["labels"]["namespace"] == labels.OPERATOR_NAMESPACE


@pytest.mark.parametrize("metric", ["novacron_queue_oldest_seconds", "novacron_queue_depth"])
def test_a_queue_is_looked_at_where_somebody_works_on_it(metric: str) -> None:
    asking = [text for text in (*(rule["expr"] for rule in RULES), *expressions()) if metric in text]
    assert asking
    assert all(f"{metric} and on (job, instance) novacron_leader == 1" in text for text in asking)


def expressions() -> list[str]:
    return observability.expressions(DASHBOARD)


def test_the_dashboard_is_one_of_grafana_and_asks_for_what_there_is() -> None:
    observability.check_dashboard(DASHBOARD)


def test_the_dashboard_shows_every_metric_of_the_operator() -> None:
    shown = {selector.name for text in expressions() for selector in observability.selectors(text)}
    families = {name.removesuffix("_bucket") for name in shown if name}
    expected = {
        name for name in observability.of_the_operator() if not name.endswith(("_created", "_sum", "_count", "_bucket"))
    }
    assert families == expected | {"novacron_reconcile_duration_seconds"}


def test_the_pods_of_the_operator_are_scraped_and_their_labels_kept() -> None:
    monitor = document("podmonitor.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    template = installed("Deployment")["spec"]["template"]
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert endpoint["port"] in ports
    assert endpoint["honorLabels"] is True
    assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert monitor["metadata"]["namespace"] == installed("Deployment")["metadata"]["namespace"]


def test_the_kustomization_holds_every_file() -> None:
    kustomization = document("kustomization.yaml")
    (generated,) = kustomization["configMapGenerator"]
    files = {file.partition("=")[2] for file in generated["files"]}
    assert {*kustomization["resources"], *files} == {path.name for path in MONITORING.iterdir()} - {
        "kustomization.yaml"
    }
    assert generated["options"]["labels"]["grafana_dashboard"] == "1"
    namespaces = {document(file)["metadata"]["namespace"] for file in kustomization["resources"]}
    assert namespaces | {generated["namespace"]} == {labels.OPERATOR_NAMESPACE}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        pytest.param("novacron_absent", ["novacron_absent{}"], id="a-metric"),
        pytest.param('novacron_leader{kind="x"}', ["novacron_leader{kind}"], id="a-matched-label"),
        pytest.param(
            "sum by (outcome) (rate(novacron_api_requests_total[5m]))",
            ["novacron_api_requests_total{outcome}"],
            id="a-label-that-is-grouped-by",
        ),
        pytest.param(
            "novacron_condition{exported_namespace='a'}", ["novacron_condition{exported_namespace}"], id="renamed"
        ),
    ],
)
def test_what_nothing_exposes_is_found(expression: str, found: list[str]) -> None:
    """So that the tests above say something."""
    assert observability.unknown(expression) == found


def test_what_is_no_expression_is_found() -> None:
    with pytest.raises(ValueError, match="expected type matrix"):
        observability.unknown("rate(novacron_reconcile_total)")
