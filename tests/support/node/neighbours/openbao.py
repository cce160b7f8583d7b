"""OpenBao: TLS, KV version 2, logins by service accounts; and what tests do to it.

It answers to the name `vault`, which NovaCron's samples use. One share unseals it; a container that restarts is sealed.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hvac
import requests
from hvac.exceptions import InvalidRequest, VaultError
from requests.adapters import HTTPAdapter

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import binaries, pods
from tests.support.node.neighbours.access import NAMESPACE, Access, host_names
from tests.support.node.neighbours.pods import Workload
from tests.support.waiting import until

NAME = "vault"
PORT = 8200
MOUNT = "secret"
AUDIENCE = "vault"
ROLE = "novacron"
DATABASE, REDIS = "database/novacron", "redis/novacron"
"""Paths at which NovaCron looks (remoteKey) unless it is told another."""
_LOGIN = "kubernetes"
_DATA, _CONFIG, _TLS = "/data", "/etc/openbao", "/etc/tls"


def workload() -> Workload:
    return Workload(
        name=NAME,
        namespace=NAMESPACE,
        image=f"openbao:{binaries.OPENBAO.version}",
        arguments=["server", f"-config={_CONFIG}/config.json"],
        # sealed or not initialised: not ready
        ready={"httpGet": {"path": "/v1/sys/health", "port": "https", "scheme": "HTTPS"}},
        ports={"https": PORT},
        files={
            _CONFIG: {"configMap": {"name": NAME}},
            _TLS: {"secret": {"secretName": f"{NAME}-tls", "defaultMode": 0o440}},
        },
        spaces={_DATA: "256Mi"},
        account=NAME,
        cpu="50m",
        memory=384,
    )


def configuration() -> Manifest:
    return {
        "storage": {"file": {"path": _DATA}},
        "listener": {
            "tcp": {
                "address": f"0.0.0.0:{PORT}",
                "tls_cert_file": f"{_TLS}/tls.crt",
                "tls_key_file": f"{_TLS}/tls.key",
            }
        },
        "api_addr": f"https://{host_names(NAME, NAMESPACE)[0]}:{PORT}",
    }


def manifests(access: Access) -> list[Manifest]:
    certificate = access.certificates[NAME]
    return [
        pods.account(NAME, NAMESPACE),
        # it asks the API server who holds a token that somebody shows (TokenReview), as itself
        pods.binding("system:auth-delegator", NAME, NAMESPACE),
        pods.settings(NAME, NAMESPACE, {"config.json": json.dumps(configuration(), indent=1)}),
        pods.secret(f"{NAME}-tls", NAMESPACE, {"tls.crt": certificate.chain, "tls.key": certificate.key}),
        pods.deployment(workload()),
        pods.service(workload()),
    ]


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens it, told once, at its initialisation."""

    unseal: str = field(repr=False)
    root: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenBao:
    """The way in.

    Args:
        host: address of the server; its certificate is checked against its name all the same.
        authority: PEM of the authority that signed it.
        token: empty until it is initialised.
    """

    host: str
    authority: str
    token: str = field(default="", repr=False)
    port: int = PORT

    def initialise(self) -> Keys:
        """Once in its life."""
        found = self._client().sys.initialize(secret_shares=1, secret_threshold=1)
        return Keys(found["keys"][0], found["root_token"])

    def initialised(self) -> bool:
        return bool(self._client().sys.is_initialized())

    def answers(self) -> bool:
        """Whether it listens; sealed or not."""
        try:
            self.initialised()
        except (requests.RequestException, VaultError):
            return False
        return True

    def unseal(self, key: str) -> None:
        self._client().sys.submit_unseal_key(key)

    def seal(self) -> None:
        """An outage that loses nothing: until it is unsealed, it refuses everything."""
        self._client().sys.seal()

    def prepare(self, account: str, namespace: str, reviewer: Mapping[str, str]) -> None:
        """Secrets of version 2, and a role that one service account may log in to and read NovaCron's with.

        Args:
            reviewer: how it reaches the API server: ``kubernetes_host``, and what it lacks outside a pod.
        """
        client = self._client()
        if f"{MOUNT}/" not in client.sys.list_mounted_secrets_engines()["data"]:
            client.sys.enable_secrets_engine("kv", path=MOUNT, options={"version": "2"})
        if f"{_LOGIN}/" not in client.sys.list_auth_methods()["data"]:
            client.sys.enable_auth_method("kubernetes", path=_LOGIN)
        # hvac does not know disable_iss_validation: the API server's verdict is what counts, whoever its issuer is
        client.write_data(f"auth/{_LOGIN}/config", data={**reviewer, "disable_iss_validation": True})
        client.sys.create_or_update_policy(ROLE, _policy())
        client.write_data(
            f"auth/{_LOGIN}/role/{ROLE}",
            data={
                "bound_service_account_names": [account],
                "bound_service_account_namespaces": [namespace],
                "audience": AUDIENCE,
                "token_policies": [ROLE],
                "token_ttl": "10m",
            },
        )

    def write(self, path: str, secret: Mapping[str, str]) -> None:
        """A secret as its next version; a mount that is being made ready is waited for."""

        def written() -> bool:
            try:
                self._client().secrets.kv.v2.create_or_update_secret(path, dict(secret), mount_point=MOUNT)
            except InvalidRequest as error:
                if "Upgrading" not in str(error):
                    raise
                return False
            return True

        until(written, "OpenBao makes its secrets ready", seconds=15)

    def read(self, path: str) -> dict[str, str]:
        found = self._client().secrets.kv.v2.read_secret_version(path, mount_point=MOUNT, raise_on_deleted_version=True)
        return dict(found["data"]["data"])

    def login(self, token: str) -> None:
        """With a service account's token, as External Secrets does; raises ``VaultError`` where it is refused."""
        self._client().auth.kubernetes.login(role=ROLE, jwt=token, use_token=False)

    def version(self) -> str:
        """Of a server that is unsealed."""
        health: dict[str, Any] = self._client().sys.read_health_status(method="GET")
        if health["sealed"]:
            raise VaultError("OpenBao is sealed")
        return str(health["version"])

    def _client(self) -> hvac.Client:
        session = requests.Session()
        session.trust_env = False  # no proxy of the machine on the way
        session.mount("https://", _ByName(host_names(NAME, NAMESPACE)[0], self.authority))
        url = f"https://{self.host}:{self.port}"
        return hvac.Client(url=url, token=self.token or None, session=session, timeout=5)


class _ByName(HTTPAdapter):
    """Calls an address, expects the certificate of a name from one authority."""

    def __init__(self, name: str, authority: str) -> None:
        self._name = name
        self._context = ssl.create_default_context(cadata=authority)
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        options |= {"ssl_context": self._context, "server_hostname": self._name, "assert_hostname": self._name}
        super().init_poolmanager(connections, maxsize, block, **options)


def _policy() -> str:
    read = {"capabilities": ["read"]}
    paths = {f"{MOUNT}/{part}/{path}": read for part in ("data", "metadata") for path in (DATABASE, REDIS)}
    return json.dumps({"path": paths})
