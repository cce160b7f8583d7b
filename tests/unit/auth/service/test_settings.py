"""What the operator writes for the wall is read, and what is wrong is named without its value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from novacron.auth.service.settings import WallSettings
from novacron.workload.service.settings import InvalidSettings, parsed
from tests.support.service_process import TOKEN

DOCUMENT: dict[str, Any] = {
    "role": "api",
    "instance": "shop",
    "namespace": "prod",
    "token": TOKEN,
    "internal_key_file": "/etc/novacron/secrets/internal-key/key",
    "rate_limit": {"requests_per_minute": 100, "trusted_proxies": ["10.0.0.0/8", "fd00::/8"]},
}


def _read(**changes: Any) -> WallSettings:
    return parsed(WallSettings, Path("settings.json"), json.dumps(DOCUMENT | changes).encode())


def test_they_are_read() -> None:
    settings = _read()
    assert settings.prefix == "novacron:prod:shop:"
    assert settings.token.min_key_size == 2048
    assert settings.rate_limit is not None
    assert settings.rate_limit.trusted_proxies == ("10.0.0.0/8", "fd00::/8")


def test_a_role_where_nobody_enters_has_no_limit() -> None:
    document = {name: value for name, value in DOCUMENT.items() if name != "rate_limit"}
    assert parsed(WallSettings, Path("settings.json"), json.dumps(document).encode()).rate_limit is None


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a proxy that is no network": (
        {"rate_limit": {"requests_per_minute": 1, "trusted_proxies": ["canary"]}},
        "rate_limit.trusted_proxies",
    ),
    "a limit of nothing": ({"rate_limit": {"requests_per_minute": 0}}, "rate_limit.requests_per_minute"),
    "a weak key": ({"token": TOKEN | {"min_key_size": 1024}}, "token.min_key_size"),
    "no issuer": ({"token": TOKEN | {"issuer": ""}}, "token.issuer"),
    "no file of the internal key": ({"internal_key_file": None}, "internal_key_file"),
}


@pytest.mark.parametrize(("changes", "names"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(changes: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidSettings) as told:
        _read(**changes)
    assert f"settings.json: {names}: " in str(told.value)
    assert "canary" not in str(told.value)
