"""What only ml reads of settings.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from novacron.workload.service.settings import Model

Share = Annotated[float, Field(gt=0, lt=1)]


class MemorySettings(Model):
    """Args:
    max_mb: that the process may use, in MB of 1,000,000 bytes; 0: the container's limit.
    chunk_rows: rows that are looked at together.
    gc_every_chunks: chunks between two collections of garbage.
    warning: share of that memory above which less is read at once.
    critical: share above which nothing more is taken.
    """

    max_mb: Annotated[int, Field(ge=0)]
    chunk_rows: Annotated[int, Field(ge=1, le=10_000_000)]
    gc_every_chunks: Annotated[int, Field(ge=1)]
    warning: Share
    critical: Share

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.warning >= self.critical:
            raise ValueError("warning is not below critical")
        return self


class MlSettings(Model):
    """Args:
    spill_directory: for what does not fit into memory.
    spill_bytes: that may be there.
    """

    memory: MemorySettings
    spill_directory: Path
    spill_bytes: Annotated[int, Field(ge=1 << 20)]
