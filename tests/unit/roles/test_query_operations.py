"""Query's routes, its OpenAPI document and the table of docs/query.md are the same thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from novacron.api.v1alpha1 import validate
from novacron.roles import query_service
from novacron.stack import settings as written
from novacron.workload.service.context import Context, Service
from novacron.workload.service.reload import ReloadedSettings
from novacron.workload.service.settings import load
from novacron.workload.service.telemetry import Telemetry
from tests.support import resources
from tests.unit.roles import served

DOCS = Path(__file__).parents[3] / "docs" / "query.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Nothing connects."""
    folder = tmp_path_factory.mktemp("config")
    body = resources.changed(resources.minimal(), {"metadata.uid": "u"})
    (folder / "settings.json").write_text(written.settings(validate(body), "query", 2048))
    (folder / "reloaded.json").write_text(written.reloaded(validate(body), "query"))
    settings, reloaded = load(folder, "query")
    telemetry = Telemetry("query")
    return query_service.service(Context(settings, ReloadedSettings(folder, reloaded, telemetry), telemetry, folder))


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    return served.document(service)


def test_every_route_is_in_the_document_and_the_other_way_round(service: Service, document: dict[str, Any]) -> None:
    served.check_routes(service, document)


def test_the_table_in_the_documentation_has_every_route_with_whose_token_is_enough(document: dict[str, Any]) -> None:
    assert served.access(document).items() <= served.table(DOCS).items()
