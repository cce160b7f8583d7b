"""``novacron run``: how it says that it cannot begin. What it does is told in tests/live and tests/cluster."""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from novacron.adapters import credentials
from novacron.adapters.credentials import Credentials
from novacron.roles import manager
from tests.unit.roles.command import kubeconfig, novacron, refused


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """The command sets up the logs of its whole process."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.fixture
def cluster(tmp_path: Path) -> str:
    return kubeconfig(tmp_path / "kubeconfig")


def ending(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the operator end with an error."""

    async def run(*_: object) -> None:
        raise error

    monkeypatch.setattr(manager, "run", run)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EADDRINUSE, "address already in use"), "in use; choose others with --health-port"),
        (OSError(errno.EACCES, "permission denied"), "denied; choose others with --health-port"),
        (OSError(errno.EADDRNOTAVAIL, "cannot assign"), "--bind-address 192.0.2.1: cannot assign; name an address"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "--bind-address 192.0.2.1: unknown; name an address"),
    ],
    ids=["in use", "privileged", "of another machine", "unknown"],
)
def test_a_port_that_cannot_be_opened_is_bad_input(
    error: OSError, words: str, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(error, monkeypatch)
    assert words in refused("run", "--bind-address", "192.0.2.1", "--kubeconfig", cluster)


@pytest.mark.parametrize(
    "error", [ssl.SSLError(1, "bad CA"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("odd")]
)
def test_what_is_no_port_is_a_defect_with_its_traceback_in_the_log(
    error: Exception, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(error, monkeypatch)
    code, output, text = novacron("run", "--kubeconfig", cluster)
    assert (code, output) == (70, "")
    assert "--health-port" not in text
    assert "Traceback" in text.splitlines()[0]
    assert text.splitlines()[-1].startswith(f"novacron: internal error: {type(error).__name__} at run.py:")


def test_a_bad_authority_is_not_taken_for_a_port(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": "bm8gUEVN"}
    error = refused("run", "--kubeconfig", kubeconfig(tmp_path / "kubeconfig", cluster=cluster))
    assert "certificate-authority" in error
    assert "--health-port" not in error


@pytest.mark.parametrize(
    ("in_cluster", "flags", "asks"),
    [
        pytest.param(False, [], False, id="outside"),
        pytest.param(True, [], True, id="in-a-pod"),
        pytest.param(True, ["--no-ask-workloads"], False, id="in-a-pod-and-told-not-to"),
        pytest.param(False, ["--ask-workloads"], True, id="outside-and-told-to"),
    ],
)
def test_workloads_are_asked_where_they_are_within_reach(
    in_cluster: bool, flags: list[str], asks: bool, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses of another network lead nowhere, or worse, to somebody else."""
    seen: list[manager.Settings] = []

    async def run(settings: manager.Settings, _credentials: object) -> None:
        seen.append(settings)

    monkeypatch.setattr(manager, "run", run)
    if in_cluster:
        monkeypatch.setattr(credentials, "find", lambda *_: Credentials("https://10.0.0.1", "x", in_cluster=True))
    novacron("run", "--kubeconfig", cluster, *flags)
    assert [settings.ask_workloads for settings in seen] == [asks]
