"""Alert rules and a dashboard for one resource. Pure; every metric is one of interfaces.md or of kube-state-metrics.

What concerns the operator itself is in manifests/monitoring: its alerts, its dashboard, and the PodMonitor that leaves
the labels ``namespace`` and ``name`` of its metrics as they are (honorLabels). The rules here rely on that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from novacron.api.v1alpha1 import NovaCron
from novacron.core import conditions, kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest
from novacron.workload.component import manifest

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE

_UNCOUNTED = ("/health", "/ready", "/metrics")
"""Routes of kubelet and Prometheus: while nobody asks for anything, they are all the traffic there is."""
_UPLOADS = ("/api/v1/features",)
"""Answered when the upload has ended (decisions.md 41): it lasts as long in api, which passes it on."""
_FAILED = 'code=~"5.."'
_LEAST_RATE = 0.1
"""Requests per second from which a share or a percentile says something: 30 in five minutes."""
_FEED_BELIEVED = 10
"""Seconds for which a pod believes what it knows of revocations; afterwards protected routes answer 503."""
_SCRAPES = 4
"""How many scrapes a rate looks back at least; two are needed, and some may fail."""

_PANEL_HEIGHT = 8
_PAGE_WIDTH = 24
_GOOD, _BAD, _NEUTRAL, _UNKNOWN = "green", "red", "blue", "yellow"


@dataclass(frozen=True, slots=True)
class _Alert:
    """Args:
    lasting: for how long the expression must hold.
    what: what is wrong, after the resource's name; may hold labels of the expression.
    """

    name: str
    expression: Callable[[NovaCron], str]
    lasting: str
    severity: str
    what: str
    remedy: str


def children(resource: NovaCron, capabilities: Capabilities) -> list[Manifest]:
    wanted, found = resource.spec.monitoring, []
    namespace, name = resource.metadata.namespace, resource.metadata.name
    if wanted.prometheus_rule.enabled and capabilities.serves(kinds.PROMETHEUS_RULE):
        spec = {"groups": [{"name": f"novacron.{namespace}.{name}", "rules": rules(resource)}]}
        extra = wanted.prometheus_rule.labels
        found.append(manifest(resource, kinds.PROMETHEUS_RULE, name, extra_labels=extra, spec=spec))
    if wanted.dashboards.enabled:
        data = {f"{namespace}-{name}.json": orjson.dumps(dashboard(resource), option=_READABLE).decode()}
        config_map = names.component(name, "dashboards")
        extra = wanted.dashboards.labels
        found.append(manifest(resource, kinds.CONFIG_MAP, config_map, extra_labels=extra, data=data))
    return found


def rules(resource: NovaCron) -> list[Manifest]:
    """Alerts that somebody should be woken or told for."""
    return [_rule(resource, alert) for alert in _ALERTS]


def _rule(resource: NovaCron, alert: _Alert) -> Manifest:
    """The labels by which alerts are routed are text: not every expression has them."""
    namespace, name = resource.metadata.namespace, resource.metadata.name
    return {
        "alert": alert.name,
        "expr": alert.expression(resource),
        "for": alert.lasting,
        "labels": {"severity": alert.severity, "namespace": namespace, "novacron": name},
        "annotations": {
            "summary": f"NovaCron {namespace}/{name} {alert.what}",
            "description": alert.remedy,
            "runbook": f"Run `novacron status {name} -n {namespace}`; its words are explained in docs/reference.md,"
            " section Condition reasons.",
        },
    }


# Expressions


def _equal(**matched: str) -> str:
    return ",".join(f'{label}="{value}"' for label, value in matched.items())


def _mine(resource: NovaCron) -> str:
    """Matchers of the metrics that name the resource."""
    return _equal(namespace=resource.metadata.namespace, name=resource.metadata.name)


def _services(resource: NovaCron, roles: Sequence[str]) -> str:
    """Matchers of the metrics of some workloads; ``-internal`` has the metrics of one that faces the outside."""
    service = f"{resource.metadata.name}-({'|'.join(roles)})(-internal)?"
    return f'namespace="{resource.metadata.namespace}",service=~"{service}"'


def _http(resource: NovaCron, roles: Sequence[str] = names.WORKLOADS, left_out: Sequence[str] = _UNCOUNTED) -> str:
    """Matchers of the HTTP metrics of some workloads."""
    return f'{_services(resource, roles)},route!~"{"|".join(left_out)}"'


def _window(resource: NovaCron) -> str:
    """Five minutes, or more where Prometheus comes seldom."""
    seconds = max(300, _SCRAPES * resource.spec.monitoring.service_monitor.interval.seconds)
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _per_service(counter: str, window: str) -> str:
    return f"sum by (service) (rate({counter}[{window}]))"


def _requests(resource: NovaCron, *more: str) -> str:
    """Requests per second of each service."""
    return _per_service(f"http_requests_total{{{','.join((_http(resource), *more))}}}", _window(resource))


def _percentile(chosen: str, percent: int, window: str) -> str:
    """Seconds, of each service."""
    buckets = f"sum by (service, le) (rate(http_request_duration_seconds_bucket{{{chosen}}}[{window}]))"
    return f"histogram_quantile({percent / 100}, {buckets})"


# Alerts


def _status(type_: str, status: conditions.Status) -> Callable[[NovaCron], str]:
    """Without the pod: a new leader shows the same condition, and the alert must not begin anew."""

    def expression(resource: NovaCron) -> str:
        shown = f"novacron_condition{{{_mine(resource)},{_equal(type=type_, status=status)}}}"
        return f"max by (namespace, name, type) ({shown} == 1)"

    return expression


def _errors(resource: NovaCron) -> str:
    requests, failed = _requests(resource), _requests(resource, _FAILED)
    return f"{failed} / {requests} > 0.01 and {requests} > {_LEAST_RATE}"


def _slow(resource: NovaCron) -> str:
    """Not ml, nor what waits for it: an upload is as slow as the client."""
    chosen, window = _http(resource, ("api", "auth", "query"), (*_UNCOUNTED, *_UPLOADS)), _window(resource)
    requests = _per_service(f"http_request_duration_seconds_count{{{chosen}}}", window)
    return f"{_percentile(chosen, 95, window)} > 1 and {requests} > {_LEAST_RATE}"


def _feed(resource: NovaCron) -> str:
    """A pod that has just started has read nothing yet: its age is endless until it has."""
    chosen = _services(resource, names.WORKLOADS)
    return f"max by (service) (novacron_auth_feed_age_seconds{{{chosen}}}) > {_FEED_BELIEVED}"


def _fallback(resource: NovaCron) -> str:
    chosen = _services(resource, ("auth",))
    counter = f"novacron_auth_shared_limit_fallback_total{{{chosen}}}"
    return f"{_per_service(counter, _window(resource))} > 0"


_ALERTS = (
    _Alert(
        "NovaCronNotReady",
        _status(conditions.READY, "False"),
        "15m",
        "critical",
        "is not Ready",
        "The condition's message says what is missing and what to do.",
    ),
    _Alert(
        "NovaCronStalled",
        _status(conditions.STALLED, "True"),
        "5m",
        "critical",
        "waits for a person",
        "The condition's message names the field or object, and the remedy.",
    ),
    _Alert(
        "NovaCronCapacityInconsistent",
        _status(conditions.CAPACITY_CONSISTENT, "False"),
        "15m",
        "warning",
        "does not fit its namespace",
        "Pods will be refused; the condition's message carries the sums.",
    ),
    _Alert(
        "NovaCronDrifted",
        _status(conditions.DRIFTED, "True"),
        "15m",
        "warning",
        "does not stay as the operator writes it",
        "Somebody else sets the same fields; the condition's message names them.",
    ),
    _Alert(
        "NovaCronCredentialsRefused",
        _status(conditions.CREDENTIALS_CURRENT, "False"),
        "5m",
        "critical",
        "works with a login that is not accepted any more",
        "Pods go on with the earlier login until it ends or they restart; the condition's message names the Secret.",
    ),
    _Alert(
        "NovaCronSigningKeysNotCurrent",
        _status(conditions.SIGNING_KEYS_CURRENT, "False"),
        "15m",
        "warning",
        "has a signing key that is overdue for rotation, or keys that cannot be kept",
        "Tokens are signed on with the key that there is; the condition's message says what to do.",
    ),
    _Alert(
        "NovaCronRevocationsOld",
        _feed,
        "5m",
        "critical",
        "has pods of {{ $labels.service }} that do not learn what was revoked, so they answer 503",
        "Auth does not answer them, or the database does not answer auth; `/ready` of those pods says which.",
    ),
    _Alert(
        "NovaCronSharedLimitFallback",
        _fallback,
        "15m",
        "warning",
        "counts limits of logins in each pod of {{ $labels.service }} alone",
        "Redis does not answer in time, so whoever guesses passwords has the allowed tries once in each pod.",
    ),
    _Alert(
        "NovaCronErrors",
        _errors,
        "10m",
        "warning",
        "answers more than 1 % of the requests to {{ $labels.service }} with 5xx",
        "Look at the logs of that service's pods; each error has a line.",
    ),
    _Alert(
        "NovaCronSlow",
        _slow,
        "10m",
        "warning",
        "answers the slowest 5 % of the requests to {{ $labels.service }} in more than a second",
        "Compare that service's CPU with its limit, and its replicas with the most that its autoscaler may have.",
    ),
)


# The dashboard (Grafana's JSON model, schema version 39)


def dashboard(resource: NovaCron) -> Manifest:
    """State, traffic and pods of one resource.

    Of the operator's metrics only conditions, and so Drifted, name a resource; a link leads to the dashboard of the
    rest: queue, passes, repairs.
    """
    namespace, name = resource.metadata.namespace, resource.metadata.name
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()
    rows = (
        ("State", [_conditions_panel(resource)]),
        ("Requests", _request_panels(resource)),
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
        status: f"max by (type) (novacron_condition{{{_mine(resource)},{_equal(status=status)}}})"
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
    requests, failed = _requests(resource), _requests(resource, _FAILED)
    percentiles = {
        f"{{{{service}}}} {percent} %": _percentile(_http(resource), percent, _window(resource)) for percent in (50, 95)
    }
    share = {"{{service}}": f"({failed} or {requests} * 0) / {requests}"}
    return [
        _panel("timeseries", "Requests per second", "reqps", {"{{service}}": requests}),
        _panel("timeseries", "Share of 5xx", "percentunit", share),
        _panel("timeseries", "So many requests take at most", "s", percentiles),
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
    restarts = f"sum by (container) (increase(kube_pod_container_status_restarts_total{{{pods}}}[1h]))"
    return [
        _panel("timeseries", "Replicas", "short", replicas),
        _panel("timeseries", "Restarts in the hour before", "short", {"{{container}}": restarts}),
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
