"""One real node for the session, with neighbours and the operator as pods; a test takes a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.e2e.idling import Idle
from tests.support.living import Living
from tests.support.lodging import Sample
from tests.support.observed_states import Judged


@pytest.fixture(scope="session")
def living(judged: Judged) -> Iterator[Living]:
    with Living() as up, judged(up.node.plane, "tests/e2e"):
        yield up


@pytest.fixture(scope="session")
def idle(living: Living) -> Iterator[tuple[Sample, Future[Idle]]]:
    """The sample, Ready; and what is seen of it while nobody touches it for five minutes."""
    with Sample(living) as sample, ThreadPoolExecutor(1) as pool:
        sample.until_ready()
        yield sample, pool.submit(Idle(sample).watch)


@pytest.fixture(scope="session")
def sample(idle: tuple[Sample, Future[Idle]]) -> Sample:
    """The sample, Ready, to be looked at and left alone."""
    return idle[0]


@pytest.fixture
def touched(idle: tuple[Sample, Future[Idle]]) -> Sample:
    """The sample once its five minutes of rest are over; to be changed, and put back by who changes it."""
    sample, verdict = idle
    verdict.result()
    sample.until_ready()
    return sample
