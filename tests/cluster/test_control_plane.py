"""What `make cluster-up` and `make demo` rely on: found running, reaped when broken, never stopped by a guest."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.controlplane.plane import STORAGE, ControlPlane
from tests.support.controlplane.process import Identity, StartError

pytestmark = pytest.mark.owns_control_plane

NewPlane = Callable[[], ControlPlane]


@pytest.fixture
def new_plane(tmp_path: Path) -> Iterator[NewPlane]:
    """Planes of one directory, that outlive their makers; all is stopped in the end."""

    def made() -> ControlPlane:
        return ControlPlane(tmp_path, components=STORAGE, nodes=0, detached=True)

    yield made
    made().forget()


def running(directory: Path) -> dict[str, Identity]:
    state = json.loads((directory / "state.json").read_text())
    return {name: Identity(**fields) for name, fields in state["running"].items()}


def test_a_second_start_finds_the_first_one_running(new_plane: NewPlane, tmp_path: Path) -> None:
    new_plane().up()
    first = running(tmp_path)
    second = new_plane()
    second.up()
    assert running(tmp_path) == first
    assert second.kubectl("get", "--raw", "/readyz") == "ok"


def test_a_guest_does_not_stop_what_it_found_running(new_plane: NewPlane, tmp_path: Path) -> None:
    new_plane().up()
    with new_plane():
        pass
    assert all(identity.alive() for identity in running(tmp_path).values())


def test_what_a_crash_left_half_running_is_reaped_and_started_anew(new_plane: NewPlane, tmp_path: Path) -> None:
    new_plane().up()
    first = running(tmp_path)
    os.kill(first["kube-apiserver"].pid, signal.SIGKILL)
    second = new_plane()
    second.up()
    assert not first["etcd"].alive()
    assert running(tmp_path).keys() == first.keys()
    assert second.kubectl("get", "--raw", "/readyz") == "ok"


def test_down_leaves_no_process(new_plane: NewPlane, tmp_path: Path) -> None:
    new_plane().up()
    first = running(tmp_path)
    new_plane().forget()
    assert not any(identity.alive() for identity in first.values())


def test_a_failed_start_shows_the_components_own_words(new_plane: NewPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ControlPlane, "_etcd", lambda _self: ["--data-dir=/dev/null/etcd"])
    with pytest.raises(StartError, match="not a directory"):
        new_plane().up()
