"""How many jobs run at once, in the sizes that a pod may have."""

from __future__ import annotations

import pytest

from novacron.ml.domain.capacity import JOB_BYTES, MOST, places

GI = 1 << 30


@pytest.mark.parametrize(
    ("memory", "disk", "expected"),
    [
        (16 * GI, 8 * GI, 8),
        (16 * GI, 100 * GI, MOST),
        (16 * GI, 512 << 20, 1),
        (2 * JOB_BYTES, 8 * GI, 2),
        (2 * JOB_BYTES - 1, 8 * GI, 1),
        (-5, 8 * GI, 1),
    ],
    ids=["the defaults", "much disk", "little disk", "little memory", "less memory", "none at all"],
)
def test_places(memory: int, disk: int, expected: int) -> None:
    assert places(memory, disk) == expected
