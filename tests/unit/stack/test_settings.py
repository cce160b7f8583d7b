"""The settings documents: what a process needs to know, in units that it need not parse, and no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.auth.desired import NO_KEYS
from novacron.auth.domain import ring_document
from novacron.auth.domain.key_ring import key_set
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from novacron.stack.settings import settings
from tests.support import resources
from tests.support.refusals import ACCEPTED

ROLES = ("api", "auth", "query", "ml")


def _resource(**changes: Any) -> NovaCron:
    body = resources.changed(resources.minimal(), {f"spec.{key}": value for key, value in changes.items()})
    return validate(resources.changed(body, {"metadata.uid": "u"}))


def _settings(resource: NovaCron, role: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(settings(resource, role))
    return found


def _children(resource: NovaCron, kind: str) -> dict[str, dict[str, Any]]:
    items = wanted(resource, Capabilities()).manifests
    return {item["metadata"]["name"]: item for item in items if item["kind"] == kind}


@pytest.mark.parametrize("outside", [False, True], ids=["inside", "behind a load balancer"])
def test_every_address_of_another_workload_is_a_port_of_a_service(outside: bool) -> None:
    """A bare name is one label, which the resolver completes with the namespace before it asks anybody (ndots 2)."""
    changes = {f"{role}.service": {"type": "LoadBalancer", "port": 8443} for role in ROLES} if outside else {}
    resource = _resource(**changes)
    services = _children(resource, "Service")
    seen = 0
    for role in ROLES:
        for other, addresses in _settings(resource, role)["peers"].items():
            for port, address in addresses.items():
                scheme, _, rest = address.partition("://")
                service, _, number = rest.partition(":")
                assert (scheme, "." in service) == ("http", False)
                entry = next(item for item in services[service]["spec"]["ports"] if item["port"] == int(number))
                assert entry["name"] == port
                assert services[service]["spec"]["selector"]["app.kubernetes.io/component"] == other
                seen += 1
    assert seen == 6


def test_peers_are_the_workloads_that_one_may_call() -> None:
    assert {role: _settings(_resource(), role)["peers"] for role in ("auth", "query")} == {
        "auth": {},
        "query": {"auth": {"internal": "http://novacron-auth:8081"}},
    }


def test_a_workload_that_is_off_is_nobody_s_peer() -> None:
    assert set(_settings(_resource(**{"ml.enabled": False}), "api")["peers"]) == {"auth", "query"}


@pytest.mark.parametrize(("period", "rest"), [(1, 1), (10, 10), (11, 6), (30, 25), (3600, 3595)])
def test_the_process_has_what_the_sleep_before_its_end_leaves(period: int, rest: int) -> None:
    resource = _resource(**{"query.terminationGracePeriodSeconds": period})
    assert _settings(resource, "query")["shutdown_grace_seconds"] == rest
    pod = _children(resource, "Deployment")["novacron-query"]["spec"]["template"]["spec"]
    slept = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert pod["terminationGracePeriodSeconds"] == period == rest + slept


@pytest.mark.parametrize("role", ["api", "auth", "query"])
def test_redis_without_files_has_no_credentials(role: str) -> None:
    known = {"host": "redis.example.com", "port": 6379, "tls": True}
    assert _settings(_resource(), role)["redis"] == known | {
        "credentials": "/etc/novacron/secrets/redis",
        "secret": "novacron-redis",
    }
    bare = _resource(**{"secrets.redis": {"remoteKey": "", "keys": {"password": ""}}})
    assert _settings(bare, role)["redis"] == known


def test_limits_hold_where_clients_enter() -> None:
    resource = _resource(**{"auth.rateLimit": {"requestsPerMinute": 7, "trustedProxyCIDRs": ["10.0.0.0/8"]}})
    found = {role: _settings(resource, role).get("rate_limit") for role in ROLES}
    everywhere = {"requests_per_minute": 7, "trusted_proxies": ["10.0.0.0/8"]}
    auth = everywhere | {"logins_per_minute": 10}
    assert found == {"api": everywhere, "auth": auth, "query": None, "ml": None}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_settings_point_at_is_mounted(name: str) -> None:
    resource = validate(resources.changed(ACCEPTED[name], {"metadata.uid": "u"}))
    for deployment in _children(resource, "Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        secrets = {volume["name"]: volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
        document = _settings(resource, container["name"])
        for store in ("database", "redis"):
            path = document.get(store, {}).get("credentials")
            assert path is None or path in mounted.values()
            volume = next((name for name, where in mounted.items() if where == path), "")
            assert document.get(store, {}).get("secret") == secrets.get(volume)
        assert document["jwks_file"].rpartition("/")[0] in mounted.values()
        assert document["internal_key_file"].rpartition("/")[0] in mounted.values()
        assert ("signing_keys" in document) == (container["name"] == "auth")
        assert document.get("signing_keys", "/tmp") in mounted.values()


def test_a_larger_key_is_asked_for_once_no_smaller_one_is_needed() -> None:
    """Else every token would be refused until all had turned over."""
    smaller, larger = (
        key_set([ring_document.made(rsa.generate_private_key(65537, bits), 0).key]) for bits in (2048, 3072)
    )
    resource = _resource(**{"auth.jwt.minKeySize": 3072})

    def asked(published: str) -> set[int]:
        items = wanted(resource, Capabilities(), {}, published).manifests
        texts = [item["data"]["settings.json"] for item in items if "settings.json" in item.get("data", {})]
        tokens = [document["token"] for text in texts if "token" in (document := json.loads(text))]
        assert len(tokens) == len(ROLES)
        return {token["min_key_size"] for token in tokens}

    assert asked(smaller) == {2048}
    assert asked(larger) == asked(NO_KEYS) == {3072}
