"""Auth's routes and its OpenAPI document are the same thing, from declarations that the document tells truly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from novacron.roles.auth_service import AuthService
from novacron.workload.service.context import Service
from tests.unit.roles.openapi_document import (
    access,
    check_access,
    check_form,
    check_routes,
    operations,
    served,
    table,
    unconnected,
)

DOCS = Path(__file__).parents[3] / "docs" / "auth.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Of a resource whose issuer has metadata; nothing connects."""
    issuer = {"spec.auth.jwt.issuer": "https://auth.example.org"}
    return AuthService(unconnected("auth", tmp_path_factory.mktemp("config"), issuer)).service()


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    return served(service)


def test_every_route_is_in_the_document_and_the_other_way_round(service: Service, document: dict[str, Any]) -> None:
    check_routes(service, document)
    assert len(list(operations(document))) > 30


def test_the_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    check_form(document)


def test_whose_token_is_enough_is_said_twice_and_the_same(document: dict[str, Any]) -> None:
    check_access(document)


def test_secrets_are_in_the_answers_that_show_them_once(document: dict[str, Any]) -> None:
    shown = {"one_time_password", "client_secret", "access_token", "refresh_token"}
    answers = {
        name: set(schema["properties"]) & shown
        for name, schema in document["components"]["schemas"].items()
        if "additionalProperties" in schema or name == "Introspection"
    }
    sent = {
        operation["requestBody"]["content"][media_type]["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in operations(document)
        for media_type in operation.get("requestBody", {}).get("content", {})
    }
    assert {name for name, found in answers.items() if found} - sent == {
        "NewUser",
        "OneTimePassword",
        "NewAccount",
        "NewSecret",
        "Tokens",
        "AccountToken",
    }


def test_members_that_a_change_may_leave_out_have_no_null_and_no_default(document: dict[str, Any]) -> None:
    for name in ("UserChange", "OrganizationChange", "AccountChange"):
        schema = document["components"]["schemas"][name]
        assert schema["additionalProperties"] is False
        assert "required" not in schema
        for member in schema["properties"].values():
            assert "default" not in member
            assert "null" not in str(member)


def test_the_table_in_the_documentation_is_that_of_the_document(document: dict[str, Any]) -> None:
    told = {key: who for key, who in access(document).items() if not key[1].startswith("/authz/")}
    assert table(DOCS) == told
