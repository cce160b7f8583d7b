"""What alerts and dashboards may ask for: PromQL as a real parser reads it, and the metrics that there are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
from prometheus_client import CollectorRegistry

from novacron.adapters.telemetry import Telemetry
from novacron.auth.service import counts as auth
from novacron.auth.service.wall_metrics import WallMetrics
from novacron.core.conditions import Condition
from novacron.ml.service import counts as ml
from novacron.query.service import counts as query

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
_LONGEST_UID = 40

HTTP = {
    "http_requests_total": frozenset({"route", "method", "code"}),
    "http_request_duration_seconds_bucket": frozenset({"route", "le"}),
    "http_request_duration_seconds_sum": frozenset({"route"}),
    "http_request_duration_seconds_count": frozenset({"route"}),
}
"""Of the workloads."""
KUBE_STATE_METRICS = {
    "kube_deployment_spec_replicas": frozenset({"namespace", "deployment"}),
    "kube_deployment_status_replicas_available": frozenset({"namespace", "deployment"}),
    "kube_pod_container_resource_limits": frozenset({"namespace", "pod", "container", "resource"}),
    "kube_pod_container_status_restarts_total": frozenset({"namespace", "pod", "container"}),
}
OF_TARGETS = frozenset({"namespace", "pod", "container", "service", "endpoint", "job", "instance"})
"""Labels that the Prometheus operator puts on whatever it scrapes."""


def of_the_operator() -> dict[str, frozenset[str]]:
    """Every series of the operator with the labels of its own, once each has something to show."""
    telemetry = Telemetry()
    telemetry.reconciles.labels("written")
    telemetry.watch_healthy.labels("deployments.apps")
    telemetry.repairs.labels("Deployment")
    telemetry.signing_key.labels("namespace", "name")
    telemetry.observe_request("get", 200, 0.1)
    telemetry.show("namespace", "name", [Condition("Ready", "True", "Settled", "")])
    samples = [sample for family in telemetry.registry.collect() for sample in family.samples]
    return {sample.name: frozenset(sample.labels) for sample in samples}


def of_auth() -> dict[str, frozenset[str]]:
    """Every series of the wall and of auth that has something to show from its start."""
    registry = CollectorRegistry()
    WallMetrics(registry)
    auth.Counts(registry)
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {sample.name: frozenset(sample.labels) for sample in samples}


def of_query() -> dict[str, frozenset[str]]:
    """Every series of query, once each has something to show."""
    registry = CollectorRegistry()
    counts = query.Counts(registry)
    counts.answered("users", "ok", 0.1)
    counts.sampled(accepted=1, duplicate=1, rejected=1)
    query.CacheCounts(registry)
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {sample.name: frozenset(sample.labels) for sample in samples}


def of_ml() -> dict[str, frozenset[str]]:
    """Every series of ml, all of which are there from its start."""
    registry = CollectorRegistry()
    ml.Counts(registry).watch(dict.fromkeys(ml.GAUGES, float))
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {sample.name: frozenset(sample.labels) for sample in samples}


KNOWN = of_the_operator() | HTTP | of_auth() | of_query() | of_ml() | KUBE_STATE_METRICS


def unknown(expression: str) -> list[str]:
    """Metrics, and labels that are matched or grouped by, which nothing exposes.

    Raises:
        ValueError: it is not PromQL.
    """
    asked = [*_matched(expression), *_grouped(expression)]
    return [f"{metric}{{{label}}}" for metric, label in asked if not _exposed(metric, label)]


def _exposed(metric: str, label: str) -> bool:
    return metric in KNOWN and label in {"", *KNOWN[metric], *OF_TARGETS}


def _matched(expression: str) -> Iterator[tuple[str, str]]:
    for selector in selectors(expression):
        yield selector.name or "", ""
        yield from ((selector.name or "", matcher.name) for matcher in selector.matchers.matchers)


def _grouped(expression: str) -> Iterator[tuple[str, str]]:
    for aggregate in _nodes(promql_parser.parse(expression), promql_parser.AggregateExpr):
        labels = aggregate.modifier.labels if aggregate.modifier else []
        for selector, label in itertools.product(_selectors(aggregate.expr), labels):
            yield selector.name or "", label


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Each with ``name`` and ``matchers.matchers``."""
    return _selectors(promql_parser.parse(expression))


def _selectors(expression: promql_parser.Expr) -> list[promql_parser.VectorSelector]:
    return _nodes(expression, promql_parser.VectorSelector)


def _nodes(expression: promql_parser.Expr, kind: type[Any]) -> list[Any]:
    found: list[promql_parser.Expr] = []
    promql_parser.walk(expression, found.append)
    return [node for node in found if isinstance(node, kind)]


def check_rule(rule: dict[str, Any]) -> None:
    """An alert that asks for what there is, can be routed and read, and leads somewhere."""
    assert unknown(rule["expr"]) == []
    assert re.fullmatch("[0-9]+m", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    grouped = {label for _metric, label in _grouped(rule["expr"])}
    assert "namespace" in grouped | rule["labels"].keys()
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    words = " ".join(rule["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", words)) <= grouped | rule["labels"].keys()
    (section,) = re.findall(r"docs/reference\.md, section ([A-Z][a-z ]+)\.", rule["annotations"]["runbook"])
    assert f"\n## {section}\n" in REFERENCE.read_text()
    assert "`" in rule["annotations"]["runbook"]
    assert "://" not in words


def check_dashboard(dashboard: dict[str, Any]) -> None:
    """Grafana's JSON model: panels without gaps that ask the chosen Prometheus for what there is."""
    assert dashboard["schemaVersion"] == 39
    assert dashboard["id"] is None
    assert 0 < len(dashboard["uid"]) <= _LONGEST_UID
    (variable,) = dashboard["templating"]["list"]
    assert (variable["type"], variable["query"], variable["name"]) == ("datasource", "prometheus", "datasource")
    panels = dashboard["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken = [place for panel in panels for place in _places(panel["gridPos"])]
    assert len(taken) == len(set(taken))
    assert {column for _row, column in taken} == set(range(WIDTH))
    for panel in panels:
        if panel["type"] != "row":
            _check_panel(panel)


def _check_panel(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        assert unknown(target["expr"]) == []
        legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert legend <= {label for _metric, label in _grouped(target["expr"])}


def _places(grid: dict[str, int]) -> Iterator[tuple[int, int]]:
    return itertools.product(range(grid["y"], grid["y"] + grid["h"]), range(grid["x"], grid["x"] + grid["w"]))


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
