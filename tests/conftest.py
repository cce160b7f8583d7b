"""What all suites share: whatever control plane a suite uses, every state of a NovaCron on it is judged at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import settings

from tests.support.api_client import Client
from tests.support.controlplane.plane import ControlPlane
from tests.support.observed_states import Judged, ObservedStates

# how long an example takes is the machine's affair, and that of whatever else it does
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_VERDICTS = pytest.StashKey[defaultdict[str, Counter[str]]]()
"""By suite: kstatus' words and how many states got them."""
_OUTPUT = "verdicts"

# how long an example takes says nothing where processes share the cores; in CI hypothesis has no deadline of its own
settings.register_profile("tests", settings.default, deadline=None)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def judged(pytestconfig: pytest.Config) -> Judged:
    """Judges all states that are seen on a control plane during the block; the summary says how many there were."""

    @contextmanager
    def block(plane: ControlPlane, suite: str) -> Iterator[None]:
        with ObservedStates(Client(plane.kubeconfig)) as states:
            yield
        _verdicts(pytestconfig)[suite] += states.judge()

    return block


def _verdicts(config: pytest.Config) -> defaultdict[str, Counter[str]]:
    return config.stash.setdefault(_VERDICTS, defaultdict(Counter))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes hands over what it found; it has no summary of its own."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = {suite: dict(found) for suite, found in _verdicts(session.config).items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes has ended; one that crashed leaves nothing."""
    for suite, found in getattr(node, "workeroutput", {}).get(_OUTPUT, {}).items():
        _verdicts(node.config)[suite] += Counter(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for suite, found in sorted(_verdicts(config).items()):
        words = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
        terminalreporter.write_line(
            f"{suite}: {found.total()} states; kstatus, Flux, Argo CD and kubectl wait agree on each: {words or 'none'}"
        )
