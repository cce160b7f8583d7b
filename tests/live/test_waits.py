"""The verdicts of outages.py: everything that takes a minute or more, begun with the first test of test_faults.py."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

import pytest

from tests.live.outages import SCENARIOS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [scenario.__name__ for scenario in SCENARIOS])
def test_the_operator_lives_through(long_runs: Mapping[str, Future[None]], name: str) -> None:
    long_runs[name].result(580)
