"""Authentication on living pods: people log in, other roles believe their tokens, and keys change under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from novacron.api.v1alpha1 import quantities
from novacron.core.manifest import at
from tests.support.door import Door, Machine
from tests.support.living import Living
from tests.support.lodging import Lodging
from tests.support.node import load
from tests.support.node.box import Box
from tests.support.node.exchange import ask
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
_OTHERS = ("api", "query", "ml")
_REVOKED_SECONDS = 5.0
_LOAD = 4000
"""Requests: 20 s at the rate that is asked for."""
_RESIDENT = "process_resident_memory_bytes"
_ROTATION_SECONDS = 180.0
"""Of each step: 25 s until a key signs, 90 s until the one before is dropped."""


def _short_lived(spec: dict[str, Any]) -> None:
    """Keys pass through all states within minutes; two pods of auth; no limit in the way of a load."""
    spec["auth"] = spec["auth"] | {
        "replicas": 2,
        "jwt": {"tokenTTL": "1m", "clockSkew": "5s", "jwksMaxAge": "5s"},
        "rateLimit": {"requestsPerMinute": 1_000_000, "loginsPerMinute": 1000},
    }


@pytest.fixture(scope="module")
def door(living: Living) -> Iterator[Door]:
    with Lodging(living, _short_lived) as lodging:
        lodging.until_ready()
        found = Door(lodging)
        found.first_administrator()
        yield found


def test_a_person_logs_in_is_believed_everywhere_and_leaves(door: Door) -> None:
    session = door.login()
    token = session["access_token"]
    for role in _OTHERS:
        assert door.ask(role, "GET", "/api/v1/me").status == 401
        answer = door.ask(role, "GET", "/api/v1/me", bearer=token)
        assert answer.status == 200, (role, answer)
        assert answer.json["session"] == session["session_id"]
    refreshed = door.post("refresh", body={"refresh_token": session["refresh_token"]})
    assert refreshed["session_id"] == session["session_id"]
    listed = door.ask("auth", "GET", "/api/v1/auth/sessions", bearer=refreshed["access_token"]).json
    assert session["session_id"] in {item["id"] for item in listed["items"]}
    door.post("logout", bearer=refreshed["access_token"])
    began = time.monotonic()

    def refused_everywhere() -> bool:
        return all(door.ask(role, "GET", "/api/v1/me", bearer=refreshed["access_token"]).status == 401
                   for role in _OTHERS)  # fmt: skip

    until(refused_everywhere, "every workload refuses the session that ended", _REVOKED_SECONDS, every=0.2)
    print(f"a logout was known everywhere after {time.monotonic() - began:.1f} s")


def test_a_session_that_is_ended_by_its_owner_ends_on_both_pods(door: Door) -> None:
    first, second = door.login(), door.login()
    path = f"/api/v1/auth/sessions/{first['session_id']}"
    assert door.ask("auth", "DELETE", path, bearer=second["access_token"]).status == 204
    box, addresses = door.lodging.living.node.box, [pod["status"]["podIP"] for pod in door.lodging.pods("auth")]
    assert len(addresses) == 2

    def refused() -> bool:
        listed = "/api/v1/auth/sessions"
        answers = [ask(box, one, 8080, "GET", listed, bearer=first["access_token"]).status for one in addresses]
        return answers == [401, 401]

    until(refused, "both pods of auth refuse it", _REVOKED_SECONDS, every=0.2)
    assert door.ask("auth", "GET", "/api/v1/auth/sessions", bearer=second["access_token"]).status == 200


def test_keys_rotate_under_load_through_pods_that_go_and_no_valid_token_is_refused(door: Door, tmp_path: Path) -> None:
    machine = Machine(door, tmp_path / "tokens")
    box, lodging = door.lodging.living.node.box, door.lodging
    (before,) = [kid for kid, state in door.ring().items() if state == "active"]
    seen: list[dict[str, str]] = []

    def reached(what: Callable[[dict[str, str]], bool]) -> Callable[[], bool]:
        def looked() -> bool:
            machine.another()
            ring = door.ring()
            if not seen or seen[-1] != ring:
                seen.append(ring)
            assert what(ring), ring
            return True

        return looked

    with load.steady(box, door.service("api"), 80, "/api/v1/me", rate=40, tokens=machine.file) as answers:
        lodging.client.patch("NovaCron", lodging.namespace, lodging.name, {"metadata": {"annotations": {
            "novacron.io/rotate-signing-key": "e2e"}}})  # fmt: skip
        until(reached(lambda ring: "next" in ring.values()), "the next key is made", 60, every=2)
        _kill_the_leader(door)
        victim = lodging.pods("auth")[0]["metadata"]["name"]
        lodging.client.delete("Pod", lodging.namespace, victim)
        until(reached(lambda ring: ring.get(before) == "retired"), "the old key is retired", _ROTATION_SECONDS, every=2)
        until(reached(lambda ring: before not in ring), "the old key is dropped", _ROTATION_SECONDS, every=2)
        until(lambda: before not in door.published(), "and no longer published", 180, every=2)
    assert answers.failed == {}
    assert answers.sent > 200
    (after,) = [kid for kid, state in door.ring().items() if state == "active"]
    assert after != before
    resource = lodging.resource()
    assert at(resource, "status", "auth", "activeKeyID") == after
    assert at(resource, "status", "auth", "handledRotationRequest") == "e2e"
    assert lodging.condition("SigningKeysCurrent")["status"] == "True"
    assert lodging.condition("Ready")["status"] == "True"
    print(f"states of the keys that were seen: {[sorted(ring.values()) for ring in seen]}; {answers.sent} requests")


def test_a_pod_of_auth_starts_quickly_and_stays_within_its_memory_under_load(door: Door, tmp_path: Path) -> None:
    lodging, box = door.lodging, door.lodging.living.node.box
    before = {pod["metadata"]["name"] for pod in lodging.pods("auth")}
    lodging.client.delete("Pod", lodging.namespace, min(before))

    def replaced() -> dict[str, Any]:
        new = [pod for pod in lodging.pods("auth") if pod["metadata"]["name"] not in before]
        states = [item["status"] for pod in new for item in at(pod, "status", "conditions", default=[])
                  if item["type"] == "Ready"]  # fmt: skip
        assert states == ["True"]
        return dict(new[0])

    pod = until(replaced, "the pod is replaced", 60)
    address = pod["status"]["podIP"]
    (ready,) = (item for item in pod["status"]["conditions"] if item["type"] == "Ready")
    started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    took = datetime.fromisoformat(ready["lastTransitionTime"]) - datetime.fromisoformat(started)
    idle = _metric(box, address, _RESIDENT)
    file = tmp_path / "tokens"
    file.write_text(door.login()["access_token"])
    path = "/api/v1/auth/sessions"
    answered = f'http_requests_total{{code="200",method="GET",route="{path}"}}'
    with load.steady(box, address, 8080, path, rate=200, connections=8, tokens=file) as answers:
        began = time.monotonic()
        until(lambda: _metric(box, address, answered) >= _LOAD, f"{_LOAD} requests are answered", 60, every=1)
        seconds, busy = time.monotonic() - began, _metric(box, address, _RESIDENT)
    assert answers.failed == {}
    limit = quantities.amount(pod["spec"]["containers"][0]["resources"]["limits"]["memory"])
    assert limit is not None
    assert idle > 0
    assert busy < limit / 2
    print(f"auth: Ready {took.seconds} s after its container started; resident {idle / 1e6:.0f} MB idle, "
          f"{busy / 1e6:.0f} MB under {_LOAD / seconds:.0f} requests/s")  # fmt: skip


def _metric(box: Box, address: str, sample: str) -> float:
    """As the pod says of itself; 0 while it has nothing to say."""
    lines = ask(box, address, 9090, "GET", "/metrics").text.splitlines()
    return next((float(line.removeprefix(sample)) for line in lines if line.startswith(f"{sample} ")), 0.0)


def _kill_the_leader(door: Door) -> None:
    client = door.lodging.client
    lease = client.get("Lease", "novacron-system", "novacron-operator")
    assert lease is not None
    leader = str(lease["spec"]["holderIdentity"]).partition("_")[0]
    client.delete("Pod", "novacron-system", leader)
