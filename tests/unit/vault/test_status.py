"""When External Secrets is asked to write a Secret again that it holds to be there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from novacron.core.manifest import Manifest
from novacron.vault import status

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def external_secret(synced: float = 120, ready: str = "True", **annotations: str) -> Manifest:
    return {
        "kind": "ExternalSecret",
        "metadata": {"name": "nc-database", "annotations": annotations},
        "spec": {"target": {"name": "nc-database"}},
        "status": {
            "refreshTime": ago(synced).isoformat(),
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def asked(item: Manifest, missing: dict[str, datetime] | None = None) -> bool:
    return bool(status.forgotten([item], {"nc-database": ago(10)} if missing is None else missing, NOW))


def test_a_secret_that_is_missing_after_its_last_sync_is_asked_for() -> None:
    assert asked(external_secret())


@pytest.mark.parametrize(
    ("item", "missing"),
    [
        pytest.param(external_secret(), {}, id="nobody-misses-it"),
        pytest.param(external_secret(), {"nc-redis": ago(10)}, id="another-one-is-missing"),
        pytest.param(external_secret(synced=5), {"nc-database": ago(10)}, id="synced-since"),
        pytest.param(external_secret(ready="False"), {"nc-database": ago(10)}, id="it-knows-that-it-is-not-synced"),
        pytest.param(external_secret() | {"status": {}}, {"nc-database": ago(10)}, id="not-looked-at-yet"),
    ],
)
def test_it_is_not_asked_for_otherwise(item: Manifest, missing: dict[str, datetime]) -> None:
    assert not asked(item, missing)


@pytest.mark.parametrize(
    ("before", "again"),
    [
        pytest.param(ago(59).isoformat(), False, id="less-than-a-minute-ago"),
        pytest.param(ago(60).isoformat(), True, id="a-minute-ago"),
        pytest.param(ago(-3600).isoformat(), True, id="by-a-clock-that-was-wrong"),
        pytest.param("yesterday", True, id="a-persons-own-words"),
        pytest.param("2026-11-26T11:59:59", True, id="no-zone"),
    ],
)
def test_it_is_asked_for_at_most_once_a_minute(before: str, again: bool) -> None:
    item: dict[str, Any] = external_secret()
    item["metadata"]["annotations"] = {"novacron.io/sync-requested": before}
    assert asked(item) is again


def test_a_request_counts_as_one_at_once() -> None:
    item: dict[str, Any] = external_secret()
    item["metadata"]["annotations"] = status.requested(NOW)
    assert not asked(item)
