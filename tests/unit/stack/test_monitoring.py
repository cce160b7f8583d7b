"""Alerts and dashboard of a resource: what they ask for exists, and what is normal wakes nobody."""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser
import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core import conditions, kinds
from novacron.core.capabilities import Capabilities
from novacron.stack import alerts, dashboard, monitoring
from tests.support import resources
from tests.support.resources import Manifest
from tests.unit.manifests import observability

SERVED = Capabilities()
CONDITIONS = {
    "NovaCronNotReady": ("Ready", "False"),
    "NovaCronStalled": ("Stalled", "True"),
    "NovaCronCapacityInconsistent": ("CapacityConsistent", "False"),
    "NovaCronDrifted": ("Drifted", "True"),
    "NovaCronCredentialsRefused": ("CredentialsCurrent", "False"),
    "NovaCronSigningKeysNotCurrent": ("SigningKeysCurrent", "False"),
    "NovaCronQueriesImpaired": ("QueriesHealthy", "False"),
    "NovaCronMemoryInadequate": ("MemoryAdequate", "False"),
}
TRAFFIC = ("NovaCronErrors", "NovaCronSlow")
OPERATOR = {"NovaCronUpkeepFailed": "novacron_upkeep_failed"}
WALL = {
    "NovaCronRevocationsOld": "novacron_auth_feed_age_seconds",
    "NovaCronSharedLimitFallback": "novacron_auth_shared_limit_fallback_total",
    "NovaCronAuditRowsLost": "novacron_auth_audit_rows_lost_total",
}


def resource(name: str = "shop", namespace: str = "team-a", **changes: Any) -> NovaCron:
    body = resources.minimal(name, namespace)
    body["metadata"]["uid"] = "u"
    return validate(resources.changed(body, {f"spec.monitoring.{path}": value for path, value in changes.items()}))


def full() -> NovaCron:
    body = resources.full()
    return validate({**body, "metadata": {**body["metadata"], "uid": "u"}})


RESOURCES = {
    "minimal": resource(),
    "full": full(),
    "seldom-scraped": resource(**{"serviceMonitor.interval": "10m"}),
}


def rule(alert: str, of: NovaCron | None = None) -> Manifest:
    (found,) = (rule for rule in alerts.rules(of or resource()) if rule["alert"] == alert)
    return found


def matched(expression: str, label: str) -> list[promql_parser.Matcher]:
    """The matcher of a label in each selector of an expression."""
    found = [
        [matcher for matcher in selector.matchers.matchers if matcher.name == label]
        for selector in observability.selectors(expression)
    ]
    assert all(len(matchers) == 1 for matchers in found)
    return [matchers[0] for matchers in found]


def kinds_of(children: list[Manifest]) -> list[str]:
    return [child["kind"] for child in children]


@pytest.mark.parametrize("of", RESOURCES.values(), ids=RESOURCES)
def test_every_alert_asks_for_what_there_is_and_leads_somewhere(of: NovaCron) -> None:
    for rule in alerts.rules(of):
        observability.check_rule(rule)


def test_these_alerts_there_are() -> None:
    assert {rule["alert"] for rule in alerts.rules(resource())} == {*CONDITIONS, *TRAFFIC, *WALL, *OPERATOR}


@pytest.mark.parametrize("alert", [*CONDITIONS, *TRAFFIC, *WALL, *OPERATOR])
def test_an_alert_carries_its_namespace_and_name_whatever_its_expression_gives(alert: str) -> None:
    found = rule(alert)
    assert {key: found["labels"][key] for key in ("namespace", "novacron")} == {
        "namespace": "team-a",
        "novacron": "shop",
    }
    assert found["annotations"]["summary"].startswith("NovaCron team-a/shop ")
    assert "`novacron status shop -n team-a`" in found["annotations"]["runbook"]


@pytest.mark.parametrize(("alert", "condition"), CONDITIONS.items(), ids=CONDITIONS)
def test_a_condition_is_asked_for_whichever_pod_shows_it(alert: str, condition: tuple[str, str]) -> None:
    type_, status = condition
    assert type_ in conditions.TYPES
    assert rule(alert)["expr"] == (
        "max by (namespace, name, type) "
        f'(novacron_condition{{namespace="team-a",name="shop",type="{type_}",status="{status}"}} == 1)'
    )


def test_an_upkeep_that_failed_is_told_of_this_resource_alone() -> None:
    expression = rule("NovaCronUpkeepFailed")["expr"]
    assert expression == 'max by (namespace, name) (novacron_upkeep_failed{namespace="team-a",name="shop"}) == 1'


@pytest.mark.parametrize(("alert", "metric"), WALL.items(), ids=WALL)
def test_the_wall_is_asked_for_what_it_counts_of_this_resource_alone(alert: str, metric: str) -> None:
    expression = rule(alert)["expr"]
    assert [selector.name for selector in observability.selectors(expression)] == [metric]
    assert f"| `{metric}` |" in observability.REFERENCE.read_text(encoding="utf-8")
    assert [matcher.value for matcher in matched(expression, "namespace")] == ["team-a"]
    (service,) = matched(expression, "service")
    assert re.fullmatch(service.value, "shop-auth")
    assert not re.fullmatch(service.value, "other-shop-auth")


@pytest.mark.parametrize("alert", TRAFFIC)
@pytest.mark.parametrize("route", ["/health", "/ready", "/metrics"])
def test_probes_and_scrapes_are_no_traffic(alert: str, route: str) -> None:
    for matcher in matched(rule(alert)["expr"], "route"):
        assert matcher.op == promql_parser.MatchOp.NotRe
        assert re.fullmatch(matcher.value, route)
        assert not re.fullmatch(matcher.value, "/api/v1/vms")


@pytest.mark.parametrize("alert", TRAFFIC)
@pytest.mark.parametrize("service", ["shop-api", "shop-auth", "shop-query", "shop-query-internal"])
def test_the_services_of_this_resource_count_and_no_other(alert: str, service: str) -> None:
    expression = rule(alert)["expr"]
    assert {matcher.value for matcher in matched(expression, "namespace")} == {"team-a"}
    for matcher in matched(expression, "service"):
        assert re.fullmatch(matcher.value, service)
        assert not re.fullmatch(matcher.value, f"other-{service}")
        assert not re.fullmatch(matcher.value, f"{service}-2")


def test_an_upload_may_take_its_time_in_ml_and_through_api() -> None:
    slow, errors = rule("NovaCronSlow")["expr"], rule("NovaCronErrors")["expr"]
    assert not any(re.fullmatch(matcher.value, "shop-ml") for matcher in matched(slow, "service"))
    assert all(re.fullmatch(matcher.value, "/api/v1/features") for matcher in matched(slow, "route"))
    assert all(re.fullmatch(matcher.value, "shop-ml") for matcher in matched(errors, "service"))
    assert not any(re.fullmatch(matcher.value, "/api/v1/features") for matcher in matched(errors, "route"))


@pytest.mark.parametrize("alert", TRAFFIC)
def test_a_few_requests_say_nothing(alert: str) -> None:
    expression = promql_parser.parse(rule(alert)["expr"])
    assert isinstance(expression, promql_parser.BinaryExpr)
    enough = " ".join(expression.rhs.prettify().split())
    assert enough.startswith("sum by (service)")
    assert enough.endswith("> 0.1")


@pytest.mark.parametrize(
    ("interval", "window"),
    [("30s", "5m"), ("75s", "5m"), ("90s", "6m"), ("80s", "320s"), ("1h", "240m")],
)
def test_a_rate_looks_back_over_enough_scrapes(interval: str, window: str) -> None:
    of = resource(**{"serviceMonitor.interval": interval})
    texts = [rule(alert, of)["expr"] for alert in TRAFFIC]
    texts += [text for text in observability.expressions(dashboard.dashboard(of)) if "http_" in text]
    assert {found for text in texts for found in re.findall(r"\[(\w+)\]", text)} == {window}


@pytest.mark.parametrize("of", RESOURCES.values(), ids=RESOURCES)
def test_the_dashboard_is_one_of_grafana_and_asks_for_what_there_is(of: NovaCron) -> None:
    observability.check_dashboard(dashboard.dashboard(of))


def test_a_dashboard_has_an_address_of_its_own_that_stays() -> None:
    """Without one, Grafana would give a new one at every import, and links would break."""
    others = [resource("shop-a", "team"), resource("a", "team-shop"), resource("shop", "team-b")]
    addresses = [dashboard.dashboard(of)["uid"] for of in (resource(), *others)]
    assert len(set(addresses)) == len(addresses)
    assert addresses[0] == dashboard.dashboard(resource())["uid"] == "novacron-6b3e3555a728f8725c7a"


def panel(title: str) -> Manifest:
    found: Manifest
    (found,) = (panel for panel in dashboard.dashboard(resource())["panels"] if panel["title"] == title)
    return found


def test_conditions_are_shown_by_their_status() -> None:
    found = panel("Conditions")
    assert found["type"] == "state-timeline"
    (mapping,) = found["fieldConfig"]["defaults"]["mappings"]
    assert {value: shown["text"] for value, shown in mapping["options"].items()} == {
        "1": "True",
        "0": "False",
        "2": "Unknown",
    }


def test_a_condition_that_should_be_false_is_not_green_while_true() -> None:
    colours = {
        override["matcher"]["options"]: override["properties"][0]["value"][0]["options"]["1"]["color"]
        for override in panel("Conditions")["fieldConfig"]["overrides"]
    }
    assert colours == {"Stalled": "red", "Drifted": "red", "Reconciling": "blue", "Paused": "blue"}
    assert colours.keys() < conditions.TYPES.keys()


def test_what_kube_state_metrics_must_give_is_labelled_so() -> None:
    panels = dashboard.dashboard(resource())["panels"]
    row = ""
    for found in panels:
        row = found["title"] if found["type"] == "row" else row
        metrics = {selector.name or "" for text in texts(found) for selector in observability.selectors(text)}
        assert any(metric.startswith("kube_") for metric in metrics) == ("kube-state-metrics" in row and bool(metrics))


def texts(found: Manifest) -> list[str]:
    return [target["expr"] for target in found.get("targets", ())]


def test_each_part_is_written_where_it_is_wanted_and_served() -> None:
    off = {"enabled": False}
    assert kinds_of(monitoring.children(resource(), SERVED)) == ["PrometheusRule", "ConfigMap"]
    assert kinds_of(monitoring.children(resource(prometheusRule=off), SERVED)) == ["ConfigMap"]
    assert kinds_of(monitoring.children(resource(dashboards=off), SERVED)) == ["PrometheusRule"]
    unserved = Capabilities(kinds=frozenset({kinds.SERVICE_MONITOR}))
    assert kinds_of(monitoring.children(resource(), unserved)) == ["ConfigMap"]


def test_the_labels_by_which_they_are_found_are_added_to_ours() -> None:
    rules, dashboards = monitoring.children(full(), SERVED)
    assert rules["metadata"]["labels"]["release"] == "prometheus"
    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "yes"
    assert {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in (rules, dashboards)} == {"stack"}


def test_the_config_map_holds_the_dashboard_under_the_resources_name() -> None:
    _rules, found = monitoring.children(resource(), SERVED)
    assert found["metadata"]["name"] == "shop-dashboards"
    assert {key: json.loads(text) for key, text in found["data"].items()} == {
        "team-a-shop.json": dashboard.dashboard(resource())
    }


def test_the_same_resource_gives_the_same_text() -> None:
    assert json.dumps(monitoring.children(resource(), SERVED)) == json.dumps(monitoring.children(resource(), SERVED))
