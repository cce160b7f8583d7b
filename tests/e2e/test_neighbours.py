"""The neighbours are what they are taken for: nobody gets in without TLS, the right password or the right account."""

from __future__ import annotations

import json

import hvac.exceptions
import psycopg
import pytest
import redis

from tests.support.living import Living
from tests.support.lodging import Sample
from tests.support.node.neighbours import openbao, postgresql, redis_server
from tests.support.node.neighbours.access import NAMESPACE, host_names
from tests.support.waiting import until

pytestmark = pytest.mark.real_node


def _login(living: Living, password: str, mode: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=host_names(postgresql.NAME, NAMESPACE)[0],
        hostaddr=living.neighbours.database.host,
        user=postgresql.USER,
        password=password,
        dbname=postgresql.DATABASE,
        sslmode=mode,
        sslrootcert=str(living.neighbours.authority),
        connect_timeout=5,
    )


def test_postgresql_takes_its_password_over_tls_and_nothing_else(living: Living) -> None:
    password = living.neighbours.access.database_password
    with _login(living, password, "verify-full") as connection:
        assert all(session.encrypted for session in living.neighbours.sessions())
        assert connection.execute("SELECT current_user").fetchone() == (postgresql.USER,)
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        _login(living, password, "disable")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _login(living, "another", "verify-full")


def test_redis_takes_its_password_over_tls_and_nothing_else(living: Living) -> None:
    here = living.neighbours.redis
    assert here.version()
    with pytest.raises(redis.AuthenticationError):
        redis_server.Redis(here.host, here.authority, "another").version()
    plain = redis.Redis(here.host, here.port, password=here.password, socket_timeout=5)
    with plain, pytest.raises(redis.ConnectionError):
        plain.ping()


def test_the_store_knows_novacrons_service_account_and_no_other(living: Living) -> None:
    stranger = living.kubectl("create", "token", "-n", NAMESPACE, "default", f"--audience={openbao.AUDIENCE}").strip()
    with pytest.raises(hvac.exceptions.VaultError, match="not authorized"):
        living.neighbours.store.login(stranger)


def test_a_sealed_store_tells_nothing_and_has_lost_nothing(touched: Sample) -> None:
    neighbours = touched.living.neighbours
    before = neighbours.store.read(openbao.REDIS)
    neighbours.seal_store()
    try:
        with pytest.raises(hvac.exceptions.VaultDown):
            neighbours.store.read(openbao.REDIS)
    finally:
        neighbours.unseal_store()
    assert neighbours.store.read(openbao.REDIS) == before


def test_metrics_of_pods_are_served(living: Living) -> None:
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods"

    def measured() -> bool:
        items = json.loads(living.kubectl("get", "--raw", path))["items"]
        names = {item["metadata"]["labels"]["app.kubernetes.io/name"] for item in items if item["containers"]}
        assert names >= {postgresql.NAME, redis_server.NAME, openbao.NAME}, names
        return True

    until(measured, "metrics-server has measured the neighbours", seconds=60, every=0.5)
