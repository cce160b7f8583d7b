"""``novacron doctor`` against an API server in memory; the real one is asked in tests/cluster."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from novacron.adapters import clock
from novacron.adapters.kube import path as api_path
from novacron.core import kinds, labels, names
from novacron.core.manifest import Manifest
from novacron.roles import doctor
from tests.support.resources import minimal
from tests.unit.roles.command import ApiServer, novacron, refused, stored


def lease(age: float | None, holder: str | None = "pod-a") -> Manifest:
    """A lease of 15 s that was renewed ``age`` seconds ago; never, for None."""
    spec: dict[str, Any] = {"holderIdentity": holder, "leaseDurationSeconds": 15}
    if age is not None:
        spec["renewTime"] = clock.precise_timestamp(clock.now() - timedelta(seconds=age))
    return {"metadata": {"name": labels.LEASE}, "spec": spec}


def leadership(server: ApiServer, *arguments: str) -> tuple[str, str]:
    """Verdict and text about the operator."""
    output = novacron("doctor", *arguments, "-o", "json", "--kubeconfig", server.kubeconfig)[1]
    found = {check["name"]: check for check in json.loads(output)}["operator"]
    return found["verdict"], found["text"]


@pytest.fixture(autouse=True)
def empty(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with the definition and nothing else, and no long look at its lease."""
    server.holds(kinds.NOVACRON, "default")
    monkeypatch.setattr(doctor, "_RENEWED_WITHIN", 0.01)


@pytest.mark.parametrize(
    ("age", "holder", "verdict", "words"),
    [
        (1, "pod-a", "ok", "led by pod-a"),
        (60, "pod-a", "bad", "pod-a led, but last renewed"),
        (None, "pod-a", "bad", "last renewed never"),
        (1, "", "bad", "nobody holds the lease"),
        (1, None, "bad", "nobody holds the lease"),
    ],
    ids=["fresh", "run out", "never renewed", "released", "no holder"],
)
def test_a_leader_leads_while_it_renews_its_lease(
    age: float | None, holder: str | None, verdict: str, words: str, server: ApiServer
) -> None:
    """A killed leader leaves its name in the lease."""
    server.answers[api_path(kinds.LEASE, labels.OPERATOR_NAMESPACE, labels.LEASE)] = lease(age, holder)
    told = leadership(server)
    assert told[0] == verdict
    assert words in told[1]


def test_a_lease_without_a_spec_is_held_by_nobody(server: ApiServer) -> None:
    server.answers[api_path(kinds.LEASE, labels.OPERATOR_NAMESPACE, labels.LEASE)] = {"metadata": {}}
    verdict, text = leadership(server)
    assert (verdict, "nobody holds the lease" in text) == ("bad", True)


def test_a_lease_that_moves_is_held_whatever_the_clock_says(server: ApiServer) -> None:
    """Clocks of other machines are never compared with ours alone."""
    ages = iter((3600.0, 3598.0))

    class Moving(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            if key == api_path(kinds.LEASE, labels.OPERATOR_NAMESPACE, labels.LEASE):
                return lease(next(ages))
            return super().get(key, default)

    server.answers = Moving(server.answers)
    assert leadership(server)[0] == "ok"


def test_the_operator_may_live_elsewhere(server: ApiServer) -> None:
    server.answers[api_path(kinds.LEASE, "elsewhere", labels.LEASE)] = lease(1)
    assert leadership(server)[0] == "bad"
    assert leadership(server, "--operator-namespace", "elsewhere")[0] == "ok"


def test_lines_are_whole_in_a_pipe(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output = novacron("doctor", "--kubeconfig", server.kubeconfig)[1]
    lines = output.splitlines()
    assert [line for line in lines if line.split()[0] not in ("ok", "absent", "bad")] == []
    assert "absent  gateway-api: exposure.type Gateway cannot work: install Gateway API" in lines


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ({"major": "1", "minor": "36"}, "1.36"),
        ({"major": "1+", "minor": "34+"}, "1.34"),
        ({"major": "1", "minor": "34.1"}, "1.34"),
        ({"major": 1, "minor": 35}, "1.35"),
    ],
    ids=str,
)
def test_versions_as_vendors_write_them(version: Any, text: str, server: ApiServer) -> None:
    server.answers["/version"] = version
    checks = json.loads(novacron("doctor", "-o", "json", "--kubeconfig", server.kubeconfig)[1])
    assert checks[0] == {"name": "kubernetes", "verdict": "ok", "text": text}


@pytest.mark.parametrize(
    "version", [{}, {"major": "1", "minor": ""}, {"major": "", "minor": "36"}, [], "1.36"], ids=str
)
def test_a_server_without_a_version_is_none(version: Any, server: ApiServer) -> None:
    server.answers["/version"] = version
    assert "/version" in refused("doctor", "--kubeconfig", server.kubeconfig, code=3)


def test_keys_that_wait_for_the_next_novacron_are_named(server: ApiServer) -> None:
    def keys() -> list[str]:
        output = novacron("doctor", "-o", "json", "--kubeconfig", server.kubeconfig)[1]
        return [check["text"] for check in json.loads(output) if check["name"] == "keys"]

    assert keys() == []
    server.answers[api_path(kinds.SECRET, "default", names.SIGNING_KEYS)] = {"metadata": {"name": names.SIGNING_KEYS}}
    (text,) = keys()
    assert text.startswith("Secret/novacron-signing-keys: kept for the next NovaCron of default; kubectl delete")
    server.holds(kinds.NOVACRON, "default", stored(minimal(namespace="default")))
    assert keys() == [], "they are in use"


def test_who_may_not_read_secrets_is_told_nothing_of_them(server: ApiServer) -> None:
    server.answers[api_path(kinds.SECRET, "default", names.SIGNING_KEYS)] = 403
    output = novacron("doctor", "-o", "json", "--kubeconfig", server.kubeconfig)[1]
    assert "keys" not in {check["name"] for check in json.loads(output)}
