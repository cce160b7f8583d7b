"""Alert rules and a dashboard for one resource. Pure; every metric is one of interfaces.md."""

from __future__ import annotations

from typing import Any

import orjson

from novacron.api.v1alpha1 import NovaCron
from novacron.core import kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest
from novacron.workload.component import manifest

_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def children(resource: NovaCron, capabilities: Capabilities) -> list[Manifest]:
    wanted, found = resource.spec.monitoring, []
    if wanted.prometheus_rule.enabled and capabilities.serves(kinds.PROMETHEUS_RULE):
        groups = [
            {"name": f"novacron.{resource.metadata.namespace}.{resource.metadata.name}", "rules": rules(resource)}
        ]
        found.append(
            manifest(
                resource,
                kinds.PROMETHEUS_RULE,
                resource.metadata.name,
                extra_labels=wanted.prometheus_rule.labels,
                spec={"groups": groups},
            )
        )
    if wanted.dashboards.enabled:
        name = names.component(resource.metadata.name, "dashboards")
        data = {f"{resource.metadata.namespace}-{resource.metadata.name}.json": _dashboard(resource)}
        found.append(manifest(resource, kinds.CONFIG_MAP, name, extra_labels=wanted.dashboards.labels, data=data))
    return found


def rules(resource: NovaCron) -> list[Manifest]:
    """Alerts that somebody should be woken or told for."""
    namespace, name = resource.metadata.namespace, resource.metadata.name
    mine = f'namespace="{namespace}",name="{name}"'
    http = f'namespace="{namespace}",service=~"{name}-(api|auth|query|ml)(-internal)?"'
    status = f"novacron status {name} -n {namespace}"
    errors = f'sum by (service) (rate(http_requests_total{{{http},code=~"5.."}}[5m]))'
    latency = f"sum by (service, le) (rate(http_request_duration_seconds_bucket{{{http}}}[5m]))"
    condition = f"novacron_condition{{{mine},"
    return [
        _rule(
            "NovaCronNotReady",
            f'{condition}type="Ready",status="False"}} == 1',
            ("15m", "critical"),
            ("is not Ready", f"Run `{status}`: it says what is missing and what to do."),
        ),
        _rule(
            "NovaCronStalled",
            f'{condition}type="Stalled",status="True"}} == 1',
            ("5m", "critical"),
            ("waits for a person", f"Run `{status}`: Stalled names the field or object, and the remedy."),
        ),
        _rule(
            "NovaCronCapacityInconsistent",
            f'{condition}type="CapacityConsistent",status="False"}} == 1',
            ("15m", "warning"),
            ("does not fit its namespace", "The condition's message carries the sums: pods will be refused."),
        ),
        _rule(
            "NovaCronDrifted",
            f'{condition}type="Drifted",status="True"}} == 1',
            ("15m", "warning"),
            ("is changed on admission", "Something mutates our objects; the condition names the fields."),
        ),
        _rule(
            "NovaCronErrors",
            f"{errors} / sum by (service) (rate(http_requests_total{{{http}}}[5m])) > 0.01",
            ("10m", "warning"),
            ("answers more than 1 % of requests with 5xx", "Look at the logs of the service in the label."),
        ),
        _rule(
            "NovaCronSlow",
            f"histogram_quantile(0.95, {latency}) > 1",
            ("10m", "warning"),
            ("answers the slowest 5 % of requests in more than a second", "Look at the service in the label."),
        ),
        _rule(
            "NovaCronOperatorAbsent",
            "absent(novacron_leader == 1)",
            ("10m", "warning"),
            ("is not watched by any operator", "No operator leads: nothing is repaired. Check its pods and its lease."),
        ),
    ]


def _rule(alert: str, expression: str, when: tuple[str, str], words: tuple[str, str]) -> Manifest:
    lasting, severity = when
    what, remedy = words
    summary = f"NovaCron {{{{ $labels.namespace }}}}/{{{{ $labels.name }}}} {what}"
    return {
        "alert": alert,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": remedy},
    }


def _dashboard(resource: NovaCron) -> str:
    namespace, name = resource.metadata.namespace, resource.metadata.name
    http = f'namespace="{namespace}",service=~"{name}-(api|auth|query|ml)(-internal)?"'
    mine = f'namespace="{namespace}",name="{name}"'
    latency = f"sum by (service, le) (rate(http_request_duration_seconds_bucket{{{http}}}[5m]))"
    panels = [
        ("Conditions", f"novacron_condition{{{mine}}}", "{{type}} {{status}}", "short"),
        ("Requests per second", f"sum by (service) (rate(http_requests_total{{{http}}}[5m]))", "{{service}}", "reqps"),
        (
            "Errors",
            f'sum by (service) (rate(http_requests_total{{{http},code=~"5.."}}[5m]))',
            "{{service}}",
            "reqps",
        ),
        (
            "Slowest 5 % of requests",
            f"histogram_quantile(0.95, {latency})",
            "{{service}}",
            "s",
        ),
    ]
    document = {
        "title": f"NovaCron {namespace}/{name}",
        "uid": None,
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(index, *panel) for index, panel in enumerate(panels)],
    }
    return orjson.dumps(document, option=_READABLE).decode()


def _panel(index: int, title: str, expression: str, legend: str, unit: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "gridPos": {"h": 8, "w": 12, "x": 12 * (index % 2), "y": 8 * (index // 2)},
        "targets": [{"refId": "A", "datasource": source, "expr": expression, "legendFormat": legend}],
    }
