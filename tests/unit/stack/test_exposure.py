"""How clients reach api: a route, with a redirect where it is bound to one listener, or an Ingress."""

from __future__ import annotations

from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core import kinds
from novacron.core.capabilities import Capabilities
from novacron.stack import exposure
from tests.support import resources
from tests.support.resources import Manifest

HOSTS = ["a.example.com", "*.example.org"]
GATEWAY: Manifest = {"type": "Gateway", "hosts": HOSTS, "path": "/nova", "gateway": {"name": "g", "namespace": "gw"}}
LISTENER: Manifest = {**GATEWAY, "gateway": {"name": "g", "namespace": "gw", "sectionName": "https"}}
INGRESS: Manifest = {
    "type": "Ingress",
    "hosts": HOSTS,
    "path": "/nova",
    "ingress": {"className": "public", "annotations": {"example.com/limit": "9"}},
}
ISSUER = "cert-manager.io/cluster-issuer"


def resource(given: Manifest, **changes: Any) -> NovaCron:
    body = resources.minimal(exposure=given, networkPolicy={"gatewayNamespaces": ["gw"]})
    body["metadata"]["uid"] = "u"
    return validate(resources.changed(body, {f"spec.{path}": value for path, value in changes.items()}))


def children(given: Manifest, **changes: Any) -> list[Manifest]:
    return exposure.children(resource(given, **changes), Capabilities())


def test_a_route_leads_to_the_service_of_api() -> None:
    (route,) = children(GATEWAY, **{"api.service.port": 8443})
    assert (route["kind"], route["metadata"]["name"]) == ("HTTPRoute", "novacron")
    assert route["spec"] == {
        "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g", "namespace": "gw"}],
        "hostnames": HOSTS,
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/nova"}}],
                "backendRefs": [
                    {"group": "", "kind": "Service", "name": "novacron-api", "port": 8443, "weight": 1},
                ],
            }
        ],
    }


def test_a_route_of_one_listener_is_joined_by_a_redirect_from_plain_http() -> None:
    route, redirect = children(LISTENER)
    assert [parent["sectionName"] for parent in route["spec"]["parentRefs"]] == ["https"]
    assert redirect["metadata"]["name"] == "novacron-redirect"
    (parent,), (rule,) = redirect["spec"]["parentRefs"], redirect["spec"]["rules"]
    assert parent["port"] == 80
    assert "sectionName" not in parent
    assert rule["filters"] == [
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}},
    ]
    assert "backendRefs" not in rule
    assert (redirect["spec"]["hostnames"], rule["matches"]) == (HOSTS, route["spec"]["rules"][0]["matches"])


def test_no_upload_is_cut_off() -> None:
    """Why is said in the code."""
    assert all("timeouts" not in rule for route in children(LISTENER) for rule in route["spec"]["rules"])


def test_there_is_no_route_where_the_gateway_api_is_not_served() -> None:
    without = Capabilities(kinds=frozenset({kinds.PROMETHEUS_RULE}))
    assert exposure.children(resource(LISTENER), without) == []


@pytest.mark.parametrize(
    ("tls", "secret", "issuer"),
    [
        pytest.param({}, None, None, id="neither"),
        pytest.param({"secretName": "api-tls"}, "api-tls", None, id="secret"),
        pytest.param({"issuer": "letsencrypt"}, "novacron-tls", "letsencrypt", id="issuer"),
        pytest.param({"secretName": "api-tls", "issuer": "ca"}, "api-tls", "ca", id="both"),
    ],
)
def test_an_ingress_has_the_certificate_that_is_given_or_issued(
    tls: Manifest, secret: str | None, issuer: str | None
) -> None:
    (ingress,) = children({**INGRESS, "tls": tls})
    assert (ingress["kind"], ingress["metadata"]["name"]) == ("Ingress", "novacron")
    assert ingress["spec"].get("tls") == ([{"hosts": HOSTS, "secretName": secret}] if secret else None)
    issued = {ISSUER: issuer} if issuer else {}
    assert ingress["metadata"]["annotations"] == {"example.com/limit": "9"} | issued


def test_an_ingress_leads_every_host_to_port_http_of_api() -> None:
    (ingress,) = children(INGRESS)
    assert ingress["spec"]["ingressClassName"] == "public"
    backend = {"service": {"name": "novacron-api", "port": {"name": "http"}}}
    path = {"path": "/nova", "pathType": "Prefix", "backend": backend}
    assert ingress["spec"]["rules"] == [{"host": host, "http": {"paths": [path]}} for host in HOSTS]


def test_the_hosts_of_an_ingress_share_nothing() -> None:
    (ingress,) = children(INGRESS)
    first, second = ingress["spec"]["rules"]
    assert first["http"] is not second["http"]
    assert first["http"]["paths"] is not second["http"]["paths"]


@pytest.mark.parametrize(
    "given", [GATEWAY, LISTENER, INGRESS, {"type": "None"}], ids=["route", "both", "ingress", "none"]
)
def test_without_api_nothing_is_exposed(given: Manifest) -> None:
    assert children(given, **{"api.enabled": False}) == []


def test_nothing_is_exposed_unless_asked_for() -> None:
    assert children({"type": "None"}) == []
