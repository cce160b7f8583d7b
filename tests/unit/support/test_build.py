from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.controlplane import build, toolchain
from tests.support.controlplane.toolchain import Go


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go module that needs nothing, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "find", lambda _least: Go(Path("go"), "go1.99"))
    home = tmp_path / "module"
    home.mkdir()
    (home / "go.mod").write_text("module x\n\ngo 1.26.0\n")
    return home


def _keep(_go: Go, home: Path) -> None:
    (home / "kept").write_text("x")


def test_what_is_built_once_is_found_again(module: Path) -> None:
    first = build.built("tool", module, (), extra=_keep)

    def again(_go: Go, _home: Path) -> None:
        raise AssertionError("built twice")

    assert build.built("tool", module, (), extra=again) == first


def test_another_go_mod_is_another_build(module: Path) -> None:
    first = build.built("tool", module, (), extra=_keep)
    (module / "go.mod").write_text("module y\n\ngo 1.26.0\n")
    assert build.built("tool", module, (), extra=_keep) != first


def test_an_interrupted_build_is_not_taken_for_a_finished_one(module: Path) -> None:
    def interrupted(_go: Go, home: Path) -> None:
        (home / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.built("tool", module, (), extra=interrupted)
    home = build.built("tool", module, (), extra=_keep)
    assert [file.name for file in home.iterdir()] == ["kept"]


def test_a_version_that_cannot_be_had_is_named_with_the_remedy() -> None:
    text = (
        "go: k8s.io/kubernetes@v1.99.0: reading k8s.io/kubernetes/go.mod at revision v1.99.0: unknown revision v1.99.0"
    )
    explained = build.explained("controlplane", text)
    assert "k8s.io/kubernetes v1.99.0" in explained
    assert "go list -m -versions k8s.io/kubernetes" in explained
