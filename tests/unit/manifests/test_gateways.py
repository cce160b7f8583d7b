"""The samples for gateways: they pass on every header that says who asks, and keep no verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.auth.service import authz

SAMPLES = Path(__file__).parents[3] / "manifests" / "gateways"
NAMES = ("envoy-gateway.yaml", "ingress-nginx.yaml", "nginx.conf")


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SAMPLES / name).read_text()))


def test_there_are_exactly_these_samples() -> None:
    assert sorted(path.name for path in SAMPLES.iterdir()) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_header_of_an_identity_is_passed_on(name: str) -> None:
    text = (SAMPLES / name).read_text().lower()
    assert [header for header in authz.IDENTITY if header.lower() not in text] == []


def test_nginx_sets_each_of_them_itself() -> None:
    text = (SAMPLES / "nginx.conf").read_text()
    for header in authz.IDENTITY:
        assert f"proxy_set_header {header} $novacron_" in text
    assert f"{authz.AUTH_REQUEST};" in text


def test_ingress_nginx_caches_no_verdict() -> None:
    (ingress,) = documents("ingress-nginx.yaml")
    annotations = ingress["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io/"
    assert set(annotations) == {f"{prefix}auth-url", f"{prefix}auth-response-headers"}
    assert annotations[f"{prefix}auth-url"].endswith(authz.AUTH_REQUEST)
    assert tuple(annotations[f"{prefix}auth-response-headers"].split(",")) == authz.IDENTITY


def test_envoy_lets_nothing_pass_that_nobody_judged() -> None:
    policy, grant = documents("envoy-gateway.yaml")
    asked = policy["spec"]["extAuth"]
    assert asked["failOpen"] is False
    assert asked["http"]["path"] == authz.EXT_AUTHZ.removesuffix("/{path:path}")
    assert "authorization" in asked["headersToExtAuth"]
    (backend,) = asked["http"]["backendRefs"]
    assert grant["spec"]["to"] == [{"group": "", "kind": "Service", "name": backend["name"]}]
    assert grant["metadata"]["namespace"] == backend["namespace"]
