"""Documents as models: what the operator writes is understood, and what cannot be is refused without its value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from novacron.api.v1alpha1 import NovaCron, validate
from novacron.stack import settings as written
from novacron.workload.service.settings import InvalidSettings, Limits, Reloaded, load
from tests.support import resources
from tests.support.refusals import ACCEPTED

ROLES = ("api", "auth", "query", "ml")


def _mounted(directory: Path, settings: Any, reloaded: Any = None) -> Path:
    for name, content in (("settings.json", settings), ("reloaded.json", reloaded or {})):
        (directory / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return directory


def _resource(body: dict[str, Any]) -> NovaCron:
    return validate(resources.changed(body, {"metadata.uid": "u"}))


def _document(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "role": "query",
        "ports": {"http": 8080, "metrics": 9090},
        "shutdown_grace_seconds": 25,
        "jwks_file": "/etc/novacron/jwks/jwks.json",
        "database": {
            "host": "db",
            "port": 5432,
            "name": "novacron",
            "ssl_mode": "verify-full",
            "credentials": "/etc/novacron/secrets/database",
            "secret": "novacron-database",
        },
    }
    return known | changes


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_operator_writes_is_what_a_process_reads(tmp_path: Path, name: str, role: str) -> None:
    resource = _resource(ACCEPTED[name])
    _mounted(tmp_path, written.settings(resource, role), written.reloaded(resource, role))
    settings, _reloaded = load(tmp_path, role)
    known = json.loads(written.settings(resource, role))
    assert settings.ports.numbered() == known["ports"]
    assert settings.model_dump(mode="json")["peers"] == known["peers"]
    for store in ("database", "redis"):
        found = getattr(settings, store)
        assert (found is not None) == (store in known)
        if found is not None:
            assert found.model_dump(mode="json", exclude_defaults=True) == known[store]
    assert settings.limits == Limits()


def test_the_share_of_connections_is_read(tmp_path: Path) -> None:
    resource = _resource(resources.minimal())
    _mounted(tmp_path, written.settings(resource, "query"), written.reloaded(resource, "query"))
    assert load(tmp_path, "query")[1] == Reloaded(database_pool_size=6)


SECRET = "canary"
REFUSED: dict[str, tuple[Any, Any, str]] = {
    "no JSON": ("{", {}, "settings.json: line 1, column 2: is no JSON"),
    "a list": ([SECRET], {}, "settings.json: document: input should be"),
    "another role": (_document(role="ml"), {}, "settings.json: role: is for ml"),
    "no role of ours": (_document(role=SECRET), {}, "settings.json: role: input should be 'api'"),
    "no ports": ({**_document(), "ports": {}}, {}, "settings.json: ports.http: field required"),
    "a port that is none": (_document(ports={"http": 0, "metrics": 1}), {}, "settings.json: ports.http: input"),
    "no host": (
        _document(redis={"host": "", "port": 1, "tls": True}),
        {},
        "settings.json: redis.host: string should have at least 1",
    ),
    "a mode that is none": (
        _document(database={**_document()["database"], "ssl_mode": SECRET}),
        {},
        "settings.json: database.ssl_mode: input should be 'verify-full'",
    ),
    "a peer with a path": (
        _document(peers={"auth": {"http": f"http://a/{SECRET}"}}),
        {},
        "settings.json: peers.auth.http: string should match",
    ),
    "a pool of one": (_document(), {"database_pool_size": 1}, "reloaded.json: database_pool_size: input should be"),
    "a pool of words": (_document(), {"database_pool_size": SECRET}, "reloaded.json: database_pool_size: input"),
}


@pytest.mark.parametrize(("settings", "reloaded", "words"), REFUSED.values(), ids=REFUSED)
def test_a_document_is_refused_in_one_line(tmp_path: Path, settings: Any, reloaded: Any, words: str) -> None:
    _mounted(tmp_path, settings, reloaded)
    with pytest.raises(InvalidSettings) as caught:
        load(tmp_path, "query")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}/{words}")
    assert ";" in said, "a remedy"
    assert SECRET not in said
    assert "\n" not in said


@pytest.mark.parametrize("missing", ["settings.json", "reloaded.json"])
def test_a_missing_document_is_named(tmp_path: Path, missing: str) -> None:
    _mounted(tmp_path, _document())
    (tmp_path / missing).unlink()
    with pytest.raises(InvalidSettings, match=f"{missing}: is not there; mount it, or name another folder with"):
        load(tmp_path, "query")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=f"{tmp_path}/none is not there; mount it"):
        load(tmp_path / "none", "query")
