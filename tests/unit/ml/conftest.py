from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def _frozen() -> Iterator[None]:
    """Each pipeline ends with a full collection; what the suite itself holds need not be looked at a thousand times."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
