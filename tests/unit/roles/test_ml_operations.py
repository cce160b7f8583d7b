"""Ml's routes and its OpenAPI document are the same thing, its table in the documentation too, and its settings fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from novacron.auth.service import permissions
from novacron.ml.service import features, media
from novacron.ml.service.settings import MemorySettings, MlSettings
from novacron.roles import ml_service
from novacron.workload.service.context import Context, Service
from tests.unit.roles.openapi_document import access, check_access, check_form, check_routes, served, table, unconnected

DOCS = Path(__file__).parents[3] / "docs" / "ml.md"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return unconnected("ml", tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def service(context: Context) -> Service:
    return ml_service.service(context)


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    return served(service)


def test_what_the_operator_writes_is_what_the_process_reads(context: Context) -> None:
    expected = MemorySettings(max_mb=0, chunk_rows=1000, gc_every_chunks=10, warning=0.8, critical=0.9)
    assert context.own(MlSettings) == MlSettings(
        memory=expected, spill_directory=Path("/var/lib/novacron/scratch"), spill_bytes=8 << 30
    )


def test_every_route_is_in_the_document_and_the_other_way_round(service: Service, document: dict[str, Any]) -> None:
    check_routes(service, document)


def test_the_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    check_form(document)


def test_whose_token_is_enough_is_said_twice_and_the_same(document: dict[str, Any]) -> None:
    check_access(document)
    assert permissions.PEOPLE == features.PEOPLE


def test_the_table_in_the_documentation_is_that_of_the_document(document: dict[str, Any]) -> None:
    assert table(DOCS) == access(document)


def test_the_body_is_a_stream_of_any_of_its_types(document: dict[str, Any], service: Service) -> None:
    operation = document["paths"][features.PATH]["post"]
    assert set(operation["requestBody"]["content"]) == set(media.TYPES)
    told = {one["name"]: (one["in"], one["schema"]) for one in operation["parameters"]}
    assert told["Content-Encoding"] == ("header", {"type": "string", "enum": list(media.CODINGS)})
    assert told["median"][1]["enum"] == ["exact", "kll"]
    assert {"400", "408", "413", "415", "429", "507"} <= set(operation["responses"])
    limits = service.limits[features.PATH]
    assert (limits.piece_seconds, limits.body_bytes > 1 << 40) == (30.0, True)


@pytest.mark.parametrize(
    ("asked", "limit", "expected"), [(0, 500, 500), (100, 10**9, 10**8), (1000, 5 * 10**8, 5 * 10**8)]
)
def test_the_budget_is_never_more_than_the_container(asked: int, limit: int, expected: int, context: Context) -> None:
    given = context.own(MlSettings)
    memory = given.memory.model_copy(update={"max_mb": asked})
    assert ml_service.budget(given.model_copy(update={"memory": memory}), limit) == expected
