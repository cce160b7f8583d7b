from __future__ import annotations

from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.core.manifest import Ref, ref
from novacron.vault import desired
from tests.support import resources


def _resource(**changes: Any) -> NovaCron:
    body = resources.changed(resources.minimal(), {f"spec.secrets.{key}": value for key, value in changes.items()})
    body["metadata"]["uid"] = "u"
    return validate(body)


def _by_kind(resource: NovaCron, live: dict[Ref, Any] | None = None) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in desired.children(resource, live or {}):
        found.setdefault(item["kind"], []).append(item)
    return found


def test_the_store_logs_in_with_an_account_of_its_own() -> None:
    """Never as External Secrets itself, and with an audience."""
    found = _by_kind(_resource())
    kubernetes = found["SecretStore"][0]["spec"]["provider"]["vault"]["auth"]["kubernetes"]
    account = found["ServiceAccount"][0]["metadata"]["name"]
    assert kubernetes["serviceAccountRef"] == {"name": account, "audiences": ["vault"]}


def test_a_request_for_a_sync_stays_as_it_is() -> None:
    """Taken away, or written anew, it would be another request."""
    requested = {"annotations": {"novacron.io/sync-requested": "2026-11-26T12:00:00Z"}}
    (database, redis) = _by_kind(_resource())["ExternalSecret"]
    assert "annotations" not in database["metadata"]
    live = {ref(database): database | {"metadata": database["metadata"] | requested}, ref(redis): redis}
    again = _by_kind(_resource(), live)["ExternalSecret"]
    assert [item["metadata"].get("annotations") for item in again] == [requested["annotations"], None]


def test_only_given_keys_are_synced_and_mounted() -> None:
    found = _by_kind(_resource())
    (database,) = [item for item in found["ExternalSecret"] if item["metadata"]["name"].endswith("-database")]
    assert {item["secretKey"] for item in database["spec"]["data"]} == {"username", "password"}
    (mount,) = [mount for mount in desired.mounts(_resource(), "query") if mount.group == "database"]
    assert dict(mount.items) == {"username": "username", "password": "password"}


def test_an_existing_secret_is_mounted_by_its_own_keys() -> None:
    database = {"secretName": "mine", "keys": {"username": "user", "password": "pass"}}
    resource = _resource(provider="Existing", database=database)
    (mount,) = [mount for mount in desired.mounts(resource, "auth") if mount.group == "database"]
    assert mount.secret == "mine"
    assert set(mount.items) == {("user", "username"), ("pass", "password")}
    assert desired.children(resource, {}) == []


def test_a_separate_login_is_mounted_where_it_belongs() -> None:
    resource = _resource(databaseUsers={"auth": {"remoteKey": "database/auth"}})
    assert {mount.secret for mount in desired.mounts(resource, "auth") if mount.group == "database"} == {
        "novacron-database-auth"
    }
    assert {mount.secret for mount in desired.mounts(resource, "query") if mount.group == "database"} == {
        "novacron-database"
    }
    assert desired.shared_logins(resource) == ("migrate", "query")


def test_nobody_mounts_what_the_table_does_not_give() -> None:
    groups = {
        role: {mount.group for mount in desired.mounts(_resource(), role)}
        for role in ("api", "auth", "query", "ml", "migrate")
    }
    assert groups == {
        "api": {"redis"},
        "auth": {"database", "redis"},
        "query": {"database", "redis"},
        "ml": set(),
        "migrate": {"database"},
    }


@pytest.mark.parametrize("migrate", [True, False])
def test_the_login_of_migrations_is_synced_while_there_are_any(migrate: bool) -> None:
    resource = _resource(databaseUsers={"migrate": {"remoteKey": "database/migrate"}})
    database = resource.spec.database.model_copy(update={"migrate": migrate})
    resource = resource.model_copy(update={"spec": resource.spec.model_copy(update={"database": database})})
    assert ("novacron-database-migrate" in desired.logins(resource)) == migrate


def test_a_login_without_files_is_neither_synced_nor_mounted() -> None:
    resource = _resource(redis={"remoteKey": "", "keys": {"password": ""}})
    assert [item["metadata"]["name"] for item in _by_kind(resource)["ExternalSecret"]] == ["novacron-database"]
    assert desired.mounts(resource, "api") == ()
    assert [mount.group for mount in desired.mounts(resource, "auth")] == ["database"]
    assert set(desired.logins(resource)) == {"novacron-database"}


def test_without_any_login_nothing_reads_vault() -> None:
    changes = {
        "spec.secrets.redis": {"remoteKey": "", "keys": {"password": ""}},
        "spec.auth.enabled": False,
        "spec.query.enabled": False,
    }
    assert desired.children(validate(resources.changed(resources.minimal(), changes)), {}) == []


def test_logins_of_the_same_content_share_one_external_secret() -> None:
    login = {"secretName": "login", "remoteKey": "a"}
    resource = _resource(
        database=login, databaseUsers={"auth": login}, redis=login | {"keys": {"username": "username"}}
    )
    (secret,) = _by_kind(resource)["ExternalSecret"]
    assert secret["metadata"]["name"] == "login"
    assert {item["secretKey"] for item in secret["spec"]["data"]} == {"username", "password"}
    assert {mount.secret for mount in desired.mounts(resource, "auth")} == {"login"}


def _live(creation_policy: str, synced: str) -> dict[Ref, Any]:
    items = desired.children(_resource(), {})
    for item in items:
        item["metadata"] |= {"uid": "x", "generation": 2}
        if item["kind"] == "ExternalSecret":
            item["spec"]["target"]["creationPolicy"] = creation_policy
            item["status"] = {"syncedResourceVersion": synced}
    return {ref(item): item for item in items}


def test_a_switch_to_existing_first_lets_the_secret_go() -> None:
    """Deleting an ExternalSecret that owns its Secret would delete the Secret."""
    resource = _resource(provider="Existing")
    found = _by_kind(resource, _live("Owner", "2-a"))
    assert {item["spec"]["target"]["creationPolicy"] for item in found["ExternalSecret"]} == {"Orphan"}
    assert len(found["SecretStore"]) == 1


def test_the_external_secret_goes_only_after_that_generation_was_synced() -> None:
    resource = _resource(provider="Existing")
    assert "ExternalSecret" in _by_kind(resource, _live("Orphan", "1-a"))
    assert _by_kind(resource, _live("Orphan", "2-a")) == {}
