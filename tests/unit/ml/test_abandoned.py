"""Work that nobody waits for any more ends also while it reads what it spilled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from novacron.ml.domain.budget import Pace
from novacron.ml.domain.chunk import Chunk
from novacron.ml.service.pipeline import Pipeline, Plan
from novacron.ml.service.pressure import Budget
from novacron.ml.service.ranks import BLOCK


class Gone(Exception):
    """Nobody waits."""


def test_it_looks_at_every_block(tmp_path: Path) -> None:
    rows, chunks = 2000, 200
    made = np.random.default_rng(1)
    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            raise Gone

    with Pipeline(Plan(Budget(1 << 30), tmp_path), Pace()) as pipeline:
        pipeline.run(Chunk(rows, ("a", "b"), made.normal(size=(2, rows))) for _ in range(chunks))
        assert rows * chunks > 5 * BLOCK
        with pytest.raises(Gone):
            pipeline.finish(check=check)
        assert looks == 5
        assert pipeline.finish().document()["columns"]["a"]["count"] == rows * chunks
