"""Query's routes and its OpenAPI document are the same thing, and whom it lets in it says in auth's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from novacron.auth.domain import roles
from novacron.auth.service import permissions
from novacron.query.service import asking, metrics
from novacron.query.service.store import users, vms
from novacron.roles import query_service
from novacron.workload.service.context import Service
from tests.unit.roles.openapi_document import access, check_access, check_form, check_routes, served, table, unconnected

DOCS = Path(__file__).parents[3] / "docs" / "query.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return query_service.service(unconnected("query", tmp_path_factory.mktemp("config")))


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    return served(service)


def test_every_route_is_in_the_document_and_the_other_way_round(service: Service, document: dict[str, Any]) -> None:
    check_routes(service, document)


def test_the_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    check_form(document)


def test_whose_token_is_enough_is_said_twice_and_the_same(document: dict[str, Any]) -> None:
    check_access(document)


def test_the_table_in_the_documentation_is_that_of_the_document(document: dict[str, Any]) -> None:
    assert table(DOCS) == access(document)


def test_the_words_are_auths() -> None:
    assert asking.PEOPLE == permissions.PEOPLE
    assert asking.ADMINS == permissions.ADMINS
    assert asking.OPERATORS.role == roles.OPERATOR
    assert asking.METRICS_WRITE.scope == roles.METRICS_WRITE


def test_parameters_say_what_they_take(document: dict[str, Any]) -> None:
    told = {
        path: {one["name"]: one["schema"] for one in document["paths"][path]["get"]["parameters"]}
        for path in ("/api/v1/users", "/api/v1/vms")
    }
    for path, sorts in (("/api/v1/users", users.SORTS), ("/api/v1/vms", vms.SORTS)):
        assert told[path]["sort"]["enum"] == list(sorts)
        assert told[path]["organization"]["anyOf"][0] == {"type": "string", "format": "uuid"}
        assert told[path]["limit"]["anyOf"][0]["minimum"] == 1
    assert told["/api/v1/users"]["created_after"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert told["/api/v1/users"]["offset"]["anyOf"][0]["maximum"] == 100_000
    asked = document["components"]["schemas"]["MetricsQuery"]["properties"]
    assert asked["vm_ids"]["maxItems"] == metrics.IDS_MOST
    assert asked["vm_ids"]["items"] == {"type": "string", "format": "uuid"}
    assert asked["limit"]["maximum"] == metrics.ROWS_MOST


def test_bodies_have_their_own_bounds(service: Service) -> None:
    assert service.limits[metrics.PATH].body_bytes == 256 << 10
