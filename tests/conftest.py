"""What all suites share: whatever control plane a suite uses, every state of a NovaCron on it is judged at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.api_client import Client
from tests.support.controlplane.plane import ControlPlane
from tests.support.observed_states import Judged, ObservedStates

_VERDICTS = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def judged(pytestconfig: pytest.Config) -> Judged:
    """Judges all states that are seen on a control plane during the block; the summary says how many there were."""
    lines = pytestconfig.stash.setdefault(_VERDICTS, [])

    @contextmanager
    def block(plane: ControlPlane, suite: str) -> Iterator[None]:
        with ObservedStates(Client(plane.kubeconfig)) as states:
            yield
        found = states.judge()
        words = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
        lines.append(
            f"{suite}: {found.total()} states; kstatus, Flux, Argo CD and kubectl wait agree on each: {words or 'none'}"
        )

    return block


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_VERDICTS, []):
        terminalreporter.write_line(line)
