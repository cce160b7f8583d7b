"""How PostgreSQL finds what lists ask for: by the statements' form, with the values' own plan and with the one that is
kept for all values, whatever the planner thinks of tables that are as small as these."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from novacron.query.domain.spans import Span
from novacron.query.service.store import metrics, users, vms
from novacron.query.service.store.metrics import SampleFilter
from novacron.query.service.store.users import UserFilter
from novacron.query.service.store.vms import VmFilter
from tests.support.database import Database
from tests.support.explained import Explained, connected
from tests.support.postgres import Postgres

MODES = ("force_custom_plan", "force_generic_plan")
DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOBODY = "00000000-0000-4000-8000-000000000000"
AFTER = (1_700_000_000_000_000, NOBODY)


@pytest.fixture(scope="module")
def filled(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Five VMs with 100 samples each, over midnight, and 500 users."""
    database = Database(postgres, tmp_path_factory.mktemp("logins"))
    assert database.migrate(database.owner()).outcome == "migrated"
    database.sql(
        """INSERT INTO query.vms (id, organization_id, name, status, cpu_cores, memory_mb)
           SELECT gen_random_uuid(), %s, 'vm-' || n, 'running', 1, 1 FROM generate_series(1, 5) AS n""",
        NOBODY,
    )
    database.sql(
        """INSERT INTO query.vm_metrics
           SELECT id, %s + n * interval '1 second', 1, 1, 1, 1, 1 FROM query.vms, generate_series(-50, 49) AS n""",
        DAY,
    )
    database.sql(
        """INSERT INTO auth.users (email, username, role, password_hash)
           SELECT n || '@example.org', 'somebody', 'platform-admin', 'none' FROM generate_series(1, 500) AS n"""
    )
    database.sql("VACUUM ANALYZE")
    return database


@pytest.fixture(params=MODES)
async def explained(filled: Database, request: pytest.FixtureRequest) -> AsyncIterator[Explained]:
    async with await connected(filled, filled.login("novacron_query")) as connection:
        for setting in ("enable_seqscan", "enable_bitmapscan", "jit"):
            await connection.execute(f"SET {setting} = off".encode())
        await connection.execute(f"SET plan_cache_mode = {request.param}".encode())
        yield Explained(connection)


@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
@pytest.mark.parametrize("table", ["users", "vms"])
async def test_a_page_begins_at_its_place_in_the_index(
    explained: Explained, table: str, sort: str, owned: bool
) -> None:
    organization = uuid4() if owned else None
    if table == "users":
        await users.listed(explained, UserFilter(organization), sort, limit=5, after=AFTER)
    else:
        await vms.listed(explained, VmFilter(organization), sort, limit=5, after=AFTER)
    (read,) = [node for node in explained.nodes() if "Relation Name" in node]
    assert read["Relation Name"] == table
    assert "ROW(created_at, id)" in read["Index Cond"], explained.plan
    assert not [node for node in explained.nodes() if "Sort" in node["Node Type"]], explained.plan


async def test_an_e_mail_address_is_found_by_the_index_of_logins(explained: Explained) -> None:
    await users.listed(explained, UserFilter(email="a@example.org"), "created_at", limit=5)
    (read,) = [node for node in explained.nodes() if "Relation Name" in node]
    assert read["Index Name"] == "users_email"


@pytest.mark.parametrize("organization", [None, UUID(NOBODY)])
@pytest.mark.parametrize("further", [False, True])
async def test_samples_are_read_from_the_index_alone_and_no_further_than_the_page(
    filled: Database, explained: Explained, organization: UUID | None, further: bool
) -> None:
    found = sorted(row[0] for row in filled.sql("SELECT id FROM query.vms"))
    wanted = SampleFilter(organization, found, Span(DAY - timedelta(days=1), DAY + timedelta(hours=1)))
    after = (round((DAY + timedelta(seconds=20)).timestamp() * 1_000_000), str(found[1])) if further else None
    await metrics.queried(explained, wanted, limit=10, after=after)
    read = [node for node in explained.nodes() if node.get("Relation Name", "").startswith("vm_metrics")]
    assert read
    assert {(node["Node Type"], node["Scan Direction"]) for node in read} == {("Index Only Scan", "Backward")}
    assert all("vm_id" in node["Index Cond"] for node in read), explained.plan
    days = {node["Relation Name"][-10:] for node in read}
    assert days <= {f"{DAY - timedelta(days=days):%Y_%m_%d}" for days in (0, 1)}, "other days are not even looked at"
    rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in read)
    assert 11 <= rows <= 2 * 11, explained.plan  # the page and one more, and at most so many of the next VM
    assert not any(node.get("Rows Removed by Filter") for node in read), explained.plan
