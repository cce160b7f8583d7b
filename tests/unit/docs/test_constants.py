"""A documented word that nothing says is a promise that nothing keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

import novacron
from novacron.core import conditions, dependencies, events, migration

_ROOT = Path(novacron.__path__[0])
_DOCUMENTING = {
    _ROOT / name
    for name in ("core/conditions.py", "core/dependencies.py", "core/migration.py", "workload/service/findings.py")
}
_SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in set(_ROOT.rglob("*.py")) - _DOCUMENTING)


@pytest.mark.parametrize("reason", sorted(conditions.REASONS))
def test_every_documented_reason_is_said_somewhere(reason: str) -> None:
    assert f'"{reason}"' in _SOURCES


@pytest.mark.parametrize("reason", sorted(set(dependencies.REASONS) - {"Reached"}))
def test_every_documented_reason_of_a_dependency_is_said_somewhere(reason: str) -> None:
    assert f'"{reason}"' in _SOURCES


@pytest.mark.parametrize("reason", sorted(migration.REASONS))
def test_every_documented_reason_of_a_migration_is_said_somewhere(reason: str) -> None:
    assert f'"{reason}"' in _SOURCES


@pytest.mark.parametrize("type_", sorted(conditions.TYPES))
def test_every_documented_type_is_judged(type_: str) -> None:
    constant = next(name for name, value in vars(conditions).items() if value == type_)
    assert f".{constant}" in _SOURCES


@pytest.mark.parametrize("reason", sorted(events.REASONS))
def test_every_documented_event_is_written(reason: str) -> None:
    constant = next(name for name, value in vars(events).items() if value == reason)
    assert f"events.{constant}" in _SOURCES
