"""A password that changes in the store reaches the pods and is used; a wrong one is told, and what works is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.support.api_client import Manifest
from tests.support.lodging import Sample
from tests.support.waiting import until

pytestmark = pytest.mark.real_node
_SECONDS = 120.0
"""Until the store's change is in the Secret, in the files of the pods, and used."""


@pytest.fixture
def fresh(touched: Sample) -> Iterator[Sample]:
    """The sample with a store that is read every few seconds."""
    touched.edit({"secrets": {"refreshInterval": "10s"}})
    touched.until_ready()
    yield touched
    touched.living.neighbours.restore_database_password()
    touched.edit({"secrets": {"refreshInterval": "30m"}})
    touched.until_ready()


def _running(sample: Sample) -> list[tuple[str, int]]:
    return sorted(
        (pod["metadata"]["name"], container["restartCount"])
        for pod in sample.pods()
        for container in pod["status"]["containerStatuses"]
    )


def test_a_changed_password_is_used_without_a_restart(fresh: Sample) -> None:
    before = _running(fresh)
    changed = datetime.now(UTC)
    fresh.living.neighbours.rotate_database_password()
    database = fresh.living.neighbours.database

    def used() -> bool:
        sessions = database.sessions()
        assert {session.client for session in sessions if session.since >= changed} >= {
            fresh.address("auth"),
            fresh.address("query"),
        }, sessions
        return True

    until(used, "auth and query have logged in with the new password", _SECONDS, every=0.5)
    assert _running(fresh) == before
    assert fresh.condition("Ready")["status"] == "True"


def test_a_wrong_password_is_a_condition_and_the_pods_keep_what_works(fresh: Sample) -> None:
    before = _running(fresh)
    fresh.living.neighbours.break_database_password()

    def told() -> Manifest:
        found = fresh.condition("CredentialsCurrent")
        assert found.get("status") == "False", found
        # each pod tells by itself when its files have changed
        workloads = {word.rstrip(",:") for word in found["message"].split()}
        assert {"auth", "query"} <= workloads, found
        return found

    condition = until(told, "the refused password is a condition that names both workloads", _SECONDS, every=0.5)
    assert "novacron-database" in condition["message"]
    assert fresh.condition("Ready")["status"] == "True", "what worked is kept"
    assert all(pod["status"]["containerStatuses"][0]["ready"] for pod in fresh.pods())
    assert _running(fresh) == before
    fresh.living.neighbours.restore_database_password()
    until(lambda: fresh.condition("CredentialsCurrent").get("status") == "True", "it is over", _SECONDS)
    assert _running(fresh) == before
