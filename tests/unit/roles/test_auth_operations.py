"""Auth's routes and its OpenAPI document are the same thing, from declarations that the document tells truly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from novacron.api.v1alpha1 import validate
from novacron.auth.domain import roles
from novacron.roles.auth_service import AuthService
from novacron.stack import settings as written
from novacron.workload.service.context import Context, Service
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import load
from novacron.workload.service.telemetry import Telemetry
from tests.support import resources
from tests.unit.roles import served

DOCS = Path(__file__).parents[3] / "docs" / "auth.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Of a resource whose issuer has metadata; nothing connects."""
    folder = tmp_path_factory.mktemp("config")
    body = resources.changed(
        resources.minimal(), {"metadata.uid": "u", "spec.auth.jwt.issuer": "https://auth.example.org"}
    )
    (folder / "settings.json").write_text(written.settings(validate(body), "auth", 2048))
    (folder / "reloaded.json").write_text(written.reloaded(validate(body), "auth"))
    settings, reloaded = load(folder, "auth")
    telemetry = Telemetry("auth")
    return AuthService(Context(settings, ReloadedSettings(folder, reloaded, telemetry), telemetry, folder)).service()


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    return served.document(service)


def test_every_route_is_in_the_document_and_the_other_way_round(service: Service, document: dict[str, Any]) -> None:
    served.check_routes(service, document)
    assert len(list(served.operations(document))) > 30


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_the_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert set(document) == {"openapi", "info", "paths", "components"}
    assert set(document["info"]) == {"title", "version"}
    ids = [operation["operationId"] for _, _, operation in served.operations(document)]
    assert len(set(ids)) == len(ids)
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert {reference.rpartition("/")[2] for reference in _references(document)} == set(schemas)
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in served.operations(document):
        assert re.fullmatch(r"/[A-Za-z0-9._/{}-]*", path), path
        assert operation["responses"], (path, method)
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[2345]\d\d", status)
            assert response["description"]
            for media_type, content in response.get("content", {}).items():
                assert media_type.startswith("application/")
                assert set(content) == {"schema"}
        for way in operation["security"]:
            assert set(way) <= set(schemes)


def test_parameters_of_a_path_are_declared(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        declared = [one["name"] for one in item.get("parameters", ())]
        assert declared == re.findall(r"\{(\w+)\}", path)


def test_whose_token_is_enough_is_said_twice_and_the_same(document: dict[str, Any]) -> None:
    for path, method, operation in served.operations(document):
        named = [operation[key] for key in ("x-novacron-least-role", "x-novacron-scope") if key in operation]
        assert set(named) <= {*roles.PEOPLE, *roles.SCOPES}
        ways = [one for way in operation["security"] for one in way.get("bearer", [])]
        assert ways == named, (path, method)
        assert ("403" in operation["responses"]) or not named, (path, method)


def test_secrets_are_in_the_answers_that_show_them_once(document: dict[str, Any]) -> None:
    shown = {"one_time_password", "client_secret", "access_token", "refresh_token"}
    answers = {
        name: set(schema["properties"]) & shown
        for name, schema in document["components"]["schemas"].items()
        if "additionalProperties" in schema or name == "Introspection"
    }
    sent = {
        operation["requestBody"]["content"][media_type]["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in served.operations(document)
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
    told = {key: who for key, who in served.access(document).items() if not key[1].startswith("/authz/")}
    assert served.table(DOCS) == told
