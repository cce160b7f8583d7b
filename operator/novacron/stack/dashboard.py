"""The dashboard of one resource, in Grafana's JSON model, schema version 39. Pure.

Every metric is one of ours (docs/reference.md), or of kube-state-metrics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from novacron.api.v1alpha1 import NovaCron
from novacron.core import conditions, names
from novacron.core.manifest import Manifest
from novacron.stack import promql

_PANEL_HEIGHT = 8
_PAGE_WIDTH = 24
_GOOD, _BAD, _NEUTRAL, _UNKNOWN = "green", "red", "blue", "yellow"


def dashboard(resource: NovaCron) -> Manifest:
    """State, traffic, authentication, queries, features and pods of one resource.

    Of the operator's metrics only conditions, and so Drifted, name a resource; a link leads to the dashboard of the
    rest: queue, passes, repairs.
    """
    namespace, name = resource.metadata.namespace, resource.metadata.name
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()
    rows = (
        ("State", [_conditions_panel(resource)]),
        ("Requests", _request_panels(resource)),
        ("Authentication", _auth_panels(resource)),
        ("Queries", _query_panels(resource)),
        ("Samples and dashboards", _sample_panels(resource)),
        ("Features", _feature_panels(resource)),
        ("Pods (metrics of kube-state-metrics)", _pod_panels(resource)),
    )
    return {
        "id": None,
        "uid": f"novacron-{digest[:20]}",
        "title": f"NovaCron {namespace}/{name}",
        "tags": ["novacron"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": []},
        "links": [_link("Operator", "novacron-operator")],
        "templating": {"list": [_source_variable()]},
        "panels": _placed(rows),
    }


def _link(title: str, tag: str) -> Manifest:
    """To the dashboards with a tag."""
    off = dict.fromkeys(("asDropdown", "includeVars", "targetBlank"), False)
    empty = dict.fromkeys(("tooltip", "url"), "")
    return {"type": "dashboards", "title": title, "tags": [tag], "icon": "dashboard", "keepTime": True} | off | empty


def _source_variable() -> Manifest:
    """The Prometheus that every panel asks, chosen by the reader."""
    chosen = {"current": {}, "options": [], "regex": "", "includeAll": False, "multi": False}
    named = {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"}
    return named | chosen | {"hide": 0, "refresh": 1}


def _placed(rows: Sequence[tuple[str, Sequence[Manifest]]]) -> list[Manifest]:
    """Rows below each other, and the panels of each side by side."""
    placed: list[Manifest] = []
    for number, (title, panels) in enumerate(rows):
        top, width = number * (1 + _PANEL_HEIGHT), _PAGE_WIDTH // len(panels)
        place = {"h": 1, "w": _PAGE_WIDTH, "x": 0, "y": top}
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place})
        for column, panel in enumerate(panels):
            place = {"h": _PANEL_HEIGHT, "w": width, "x": column * width, "y": top + 1}
            placed.append(panel | {"gridPos": place})
    return [{"id": number} | panel for number, panel in enumerate(placed, 1)]


def _conditions_panel(resource: NovaCron) -> Manifest:
    """A lane for each condition, by its status: True is 1, False 0, Unknown 2."""
    shown = {
        status: f"max by (type) (novacron_condition{{{promql.mine(resource)},{promql.equal(status=status)}}})"
        for status in ("True", "False", "Unknown")
    }
    expression = f"{shown['True']} or {shown['False']} * 0 or {shown['Unknown']} * 2"
    abnormal = {conditions.STALLED: _BAD, conditions.DRIFTED: _BAD}
    passing = {conditions.RECONCILING: _NEUTRAL, conditions.PAUSED: _NEUTRAL}
    overrides = [
        {
            "matcher": {"id": "byName", "options": type_},
            "properties": [{"id": "mappings", "value": _statuses(true=colour, false=_GOOD)}],
        }
        for type_, colour in (abnormal | passing).items()
    ]
    panel = _panel("state-timeline", "Conditions", "none", {"{{type}}": expression})
    panel["options"] = {"mergeValues": True, "showValue": "auto", "rowHeight": 0.9}
    panel["fieldConfig"]["defaults"] |= {"mappings": _statuses(true=_GOOD, false=_BAD)}
    panel["fieldConfig"]["overrides"] = overrides
    return panel


def _statuses(true: str, false: str) -> list[Manifest]:
    texts = {"1": ("True", true), "0": ("False", false), "2": ("Unknown", _UNKNOWN)}
    options = {
        value: {"text": text, "color": colour, "index": index}
        for index, (value, (text, colour)) in enumerate(texts.items())
    }
    return [{"type": "value", "options": options}]


def _request_panels(resource: NovaCron) -> list[Manifest]:
    requests, failed = promql.requests(resource), promql.requests(resource, promql.FAILED)
    percentiles = {
        f"{{{{service}}}} {percent} %": promql.percentile(promql.http(resource), percent, promql.window(resource))
        for percent in (50, 95)
    }
    share = {"{{service}}": f"({failed} or {requests} * 0) / {requests}"}
    return [
        _panel("timeseries", "Requests per second", "reqps", {"{{service}}": requests}),
        _panel("timeseries", "Share of 5xx", "percentunit", share),
        _panel("timeseries", "So many requests take at most", "s", percentiles),
    ]


def _auth_panels(resource: NovaCron) -> list[Manifest]:
    """Who is let in and who is not, and whether pods know what was revoked."""
    window, workloads = promql.window(resource), promql.services(resource, names.WORKLOADS)
    auth = promql.services(resource, ("auth",))
    refused = f"sum by (reason) (rate(novacron_auth_refused_total{{{workloads}}}[{window}]))"
    logins = f"sum by (outcome) (rate(novacron_auth_logins_total{{{auth}}}[{window}]))"
    age = f"max by (service) (novacron_auth_feed_age_seconds{{{workloads}}})"
    return [
        _panel("timeseries", "Refused requests per second, by reason", "reqps", {"{{reason}}": refused}),
        _panel("timeseries", "Logins per second, by outcome", "ops", {"{{outcome}}": logins}),
        _panel("timeseries", "Age of what is known of revocations", "s", {"{{service}}": age}),
    ]


def _query_panels(resource: NovaCron) -> list[Manifest]:
    """What the database is asked, how long that takes, and what is never answered."""
    window, query = promql.window(resource), promql.services(resource, ("query",))
    asked = f"novacron_query_queries_total{{{query}}}"
    unanswered = f'novacron_query_queries_total{{{query},outcome!~"ok|refused"}}'
    buckets = f"sum by (query, le) (rate(novacron_query_duration_seconds_bucket{{{query}}}[{window}]))"
    slowest = {"{{query}} 95 %": f"histogram_quantile(0.95, {buckets})"}
    failing = {"{{query}} {{outcome}}": f"sum by (query, outcome) (rate({unanswered}[{window}]))"}
    return [
        _panel("timeseries", "Questions per second", "ops", {"{{query}}": f"sum by (query) (rate({asked}[{window}]))"}),
        _panel("timeseries", "Questions without an answer per second", "ops", failing),
        _panel("timeseries", "Query duration, quantiles", "s", slowest),
    ]


def _sample_panels(resource: NovaCron) -> list[Manifest]:
    """What clients send and is taken or not, and dashboards that the database need not be asked for."""
    window, query = promql.window(resource), promql.services(resource, ("query",))
    sent = f"sum by (outcome) (rate(novacron_query_samples_total{{{query}}}[{window}]))"
    kept = f"sum by (outcome) (rate(novacron_query_cache_requests_total{{{query}}}[{window}]))"
    held = f"max by (service) (novacron_query_cache_bytes{{{query}}})"
    return [
        _panel("timeseries", "Samples per second, by what became of them", "cps", {"{{outcome}}": sent}),
        _panel("timeseries", "Dashboard requests per second, by cache outcome", "reqps", {"{{outcome}}": kept}),
        _panel("timeseries", "Size of the dashboards that a pod keeps", "bytes", {"{{service}}": held}),
    ]


def _feature_panels(resource: NovaCron) -> list[Manifest]:
    """What ml takes in, what becomes of its jobs, and how much of its memory and its disk they have."""
    window, ml = promql.window(resource), promql.services(resource, ("ml",))
    rows = f"sum by (service) (rate(novacron_ml_rows_total{{{ml}}}[{window}]))"
    ended = f"sum by (outcome) (rate(novacron_ml_jobs_total{{{ml}}}[{window}]))"
    away = f"sum by (service) (rate(novacron_ml_turned_away_total{{{ml}}}[{window}]))"
    shares = {
        f"{word}, of the fullest pod": f"max by (service) (novacron_ml_{part}{{{ml}}} / novacron_ml_{whole}{{{ml}}})"
        for word, part, whole in (
            ("memory", "memory_bytes", "memory_budget_bytes"),
            ("scratch", "spill_bytes", "spill_limit_bytes"),
        )
    }
    return [
        _panel("timeseries", "Rows per second", "rowsps", {"{{service}}": rows}),
        _panel("timeseries", "Jobs per second, by outcome", "ops", {"{{outcome}}": ended, "turned away": away}),
        _panel("timeseries", "Memory and scratch in use", "percentunit", shares),
    ]


def _pod_panels(resource: NovaCron) -> list[Manifest]:
    """Metrics of kube-state-metrics, by the names that its documentation calls stable."""
    namespace, workload = resource.metadata.namespace, f"{resource.metadata.name}-({'|'.join(names.WORKLOADS)})"
    deployments = f'namespace="{namespace}",deployment=~"{workload}"'
    pods = f'namespace="{namespace}",pod=~"{workload}-.+"'
    replicas = {
        f"{{{{deployment}}}} {word}": f"max by (deployment) ({metric}{{{deployments}}})"
        for word, metric in (
            ("wanted", "kube_deployment_spec_replicas"),
            ("available", "kube_deployment_status_replicas_available"),
        )
    }
    ml = f'namespace="{namespace}",pod=~"{resource.metadata.name}-ml-.+",container="ml"'
    limit = f'max by (container) (kube_pod_container_resource_limits{{{ml},resource="memory"}})'
    restarts = f"sum by (container) (increase(kube_pod_container_status_restarts_total{{{pods}}}[1h]))"
    return [
        _panel("timeseries", "Replicas", "short", replicas),
        _panel("timeseries", "Restarts in the hour before", "short", {"{{container}}": restarts}),
        _panel("timeseries", "Memory limit, as right-sizing grows it", "bytes", {"{{container}}": limit}),
    ]


def _panel(kind: str, title: str, unit: str, expressions: dict[str, str]) -> dict[str, Any]:
    """Args:
    expressions: legend -> expression.
    """
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "type": kind,
        "title": title,
        "datasource": dict(source),
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": dict(source), "expr": expression, "legendFormat": legend}
            for index, (legend, expression) in enumerate(expressions.items())
        ],
    }
