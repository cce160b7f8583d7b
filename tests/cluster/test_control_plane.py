"""What `make cluster-up` and `make demo` rely on: found running, reaped when broken, never stopped by a guest."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import clusters
from tests.support.controlplane.plane import STORAGE, ControlPlane, KubectlError
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


def test_a_named_cluster_is_used_and_no_other_context_comes_along(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``make cluster-up CLUSTER=<context>``: somebody's kubeconfig may name production as well."""
    known = json.loads(control_plane.kubeconfig.read_text())
    production = {"name": "production", "cluster": {"server": "https://192.0.2.1:6443"}}
    given = tmp_path / "config"
    known["clusters"].append(production)
    known["contexts"].append({"name": "production", "context": {"cluster": "production", "user": "user"}})
    given.write_text(json.dumps({**known, "current-context": "production"}))
    monkeypatch.setenv("KUBECONFIG", str(given))
    monkeypatch.setenv("PATH", str(control_plane.binary("kubectl").parent), prepend=os.pathsep)
    cluster = clusters.Named(tmp_path / "cluster", "novacron")
    cluster.up()
    written = yaml.safe_load((tmp_path / "cluster" / "kubeconfig").read_text())
    assert [item["name"] for item in written["contexts"]] == ["novacron"]
    assert [item["cluster"]["server"] for item in written["clusters"]] == [control_plane.url]
    cluster.down()
    with pytest.raises(KubectlError, match="nobody"):
        clusters.Named(tmp_path / "cluster", "nobody").up()
    assert control_plane.kubectl("get", "--raw", "/readyz") == "ok"
