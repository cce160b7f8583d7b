"""What only query reads of settings.json."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from novacron.workload.service.settings import DatabaseSettings, Model


class PageSize(Model):
    """Rows of a page: what a client gets that asks for no number, and the most that it may ask for."""

    default: Annotated[int, Field(ge=1, le=10_000)]
    max: Annotated[int, Field(ge=1, le=10_000)]

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.default > self.max:
            raise ValueError("default is above max")
        return self


class QuerySettings(Model):
    """Args:
    retention_seconds: how long samples are kept, and so how far back a client may ask.
    statement_timeout_seconds: when PostgreSQL gives a statement up.
    cache_seconds: how long the answer of a dashboard is given again; 0: not.
    """

    database: DatabaseSettings
    retention_seconds: Annotated[int, Field(ge=3600)]
    statement_timeout_seconds: Annotated[int, Field(ge=1, le=600)]
    cache_seconds: Annotated[int, Field(ge=0, le=3600)]
    page_size: PageSize
