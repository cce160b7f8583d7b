"""Redis: TLS only, with a password."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import redis

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import pods
from tests.support.node.neighbours.access import NAMESPACE, Access
from tests.support.node.neighbours.pods import Workload

NAME = "redis"
VERSION = "7"
PORT = 6379
_DATA, _CONFIG, _TLS = "/data", "/etc/redis", "/etc/tls"


def workload() -> Workload:
    return Workload(
        name=NAME,
        namespace=NAMESPACE,
        image=f"{NAME}:{VERSION}",
        command=["/usr/bin/redis-server"],
        arguments=[f"{_CONFIG}/redis.conf"],
        ready={"tcpSocket": {"port": "redis"}},
        ports={"redis": PORT},
        files={
            _CONFIG: {"secret": {"secretName": NAME, "defaultMode": 0o440}},
            _TLS: {"secret": {"secretName": f"{NAME}-tls", "defaultMode": 0o440}},
        },
        spaces={_DATA: "256Mi"},
        memory=96,
    )


def configuration(password: str) -> str:
    """Knows the password's digest alone."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    return "\n".join(
        (
            "port 0",
            f"tls-port {PORT}",
            f"tls-cert-file {_TLS}/tls.crt",
            f"tls-key-file {_TLS}/tls.key",
            f"tls-ca-cert-file {_TLS}/ca.crt",
            "tls-auth-clients no",
            f"user default on resetpass #{digest} ~* &* +@all",
            f"dir {_DATA}",
            'save ""',
            "maxmemory 48mb",
            "",
        )
    )


def manifests(access: Access) -> list[Manifest]:
    certificate = access.certificates[NAME]
    tls = {"tls.crt": certificate.chain, "tls.key": certificate.key, "ca.crt": access.authority}
    return [
        pods.secret(NAME, NAMESPACE, {"redis.conf": configuration(access.redis_password)}),
        pods.secret(f"{NAME}-tls", NAMESPACE, tls),
        pods.deployment(workload()),
        pods.service(workload()),
    ]


@dataclass(frozen=True, slots=True)
class Redis:
    """The way in.

    Args:
        authority: file of the authority that signed the server's certificate.
    """

    host: str
    authority: Path
    password: str = field(repr=False)
    port: int = PORT

    def version(self) -> str:
        """Of the server, which it tells only who knows the password."""
        with redis.Redis(
            host=self.host,
            port=self.port,
            password=self.password,
            ssl=True,
            ssl_ca_certs=str(self.authority),
            ssl_check_hostname=False,  # it is called by its address
            socket_timeout=5,
        ) as client:
            return str(client.info("server")["redis_version"])
