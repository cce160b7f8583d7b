"""One control plane for a session of cluster tests; each test takes a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.controlplane import crds
from tests.support.controlplane.plane import ControlPlane
from tests.support.observed_states import Judged


@pytest.fixture(scope="session")
def control_plane(judged: Judged) -> Iterator[ControlPlane]:
    """Everything runs: etcd, API server, controller manager, scheduler, three simulated nodes, neighbours' CRDs."""
    with ControlPlane() as plane:
        crds.install(plane)
        with judged(plane, "tests/cluster"):
            yield plane
