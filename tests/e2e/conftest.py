"""One real node for the session, with neighbours and the operator as pods; a test takes a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.e2e.idling import Idle
from tests.support.living import Living
from tests.support.lodging import Sample
from tests.support.observed_states import Judged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for the sample's five minutes of rest comes last, so that the rest passes meanwhile."""
    items.sort(key=lambda item: isinstance(item, pytest.Function) and "rested" in item.fixturenames)


@pytest.fixture(scope="session")
def living(judged: Judged) -> Iterator[Living]:
    with Living() as up, judged(up.node.plane, "tests/e2e"):
        yield up


@pytest.fixture(scope="session")
def idle(living: Living) -> Iterator[tuple[Sample, Future[Idle]]]:
    """The sample, Ready; and what is seen of it while nobody touches it for five minutes."""
    with Sample(living) as sample, ThreadPoolExecutor(1) as pool:
        sample.until_known()
        yield sample, pool.submit(Idle(sample).watch)


@pytest.fixture(scope="session")
def sample(idle: tuple[Sample, Future[Idle]]) -> Sample:
    """The sample, Ready, to be looked at and left alone."""
    return idle[0]


@pytest.fixture(scope="session")
def rested(idle: tuple[Sample, Future[Idle]]) -> Idle:
    """What was seen of the sample's five minutes of rest, once they are over."""
    return idle[1].result()


@pytest.fixture
def touched(sample: Sample, rested: Idle) -> Sample:
    """The sample after its rest, as it is applied; to be changed at will."""
    assert rested.seconds > 0
    sample.apply()
    sample.until_ready()
    return sample
