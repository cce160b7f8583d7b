"""Passwords, keys and certificates of one cluster's neighbours: random for each cluster, kept in one of its Secrets.

None of them is ever printed: they are left out of every representation, also of the one pytest shows of a failed test.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import trustme

NAMESPACE = "neighbours"
SECRET = "access"
_ADDRESSES = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate and key, both PEM."""

    chain: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """All that opens the neighbours' doors.

    Args:
        authority: PEM of the authority that has signed every certificate; its key is forgotten at once.
        unseal_key: of OpenBao; empty until it is initialised, as is its root token.
    """

    authority: str
    certificates: Mapping[str, Certificate] = field(repr=False)
    superuser_password: str = field(repr=False)
    database_password: str = field(repr=False)
    redis_password: str = field(repr=False)
    unseal_key: str = field(default="", repr=False)
    root_token: str = field(default="", repr=False)

    def stored(self) -> str:
        """As text for the Secret."""
        return json.dumps(asdict(self))


def issued(services: Mapping[str, str]) -> Access:
    """New ones.

    Args:
        services: name of a Service that speaks TLS -> its namespace.
    """
    authority = trustme.CA(organization_name="novacron neighbours")
    certificates = {
        service: _certificate(authority, host_names(service, namespace)) for service, namespace in services.items()
    }
    return Access(authority.cert_pem.bytes().decode(), certificates, password(), password(), password())


def alone(service: str, namespace: str) -> tuple[str, Certificate]:
    """PEM of a new authority, and the only certificate that it has signed."""
    authority = trustme.CA(organization_name=f"novacron {service}")
    return authority.cert_pem.bytes().decode(), _certificate(authority, host_names(service, namespace))


def _certificate(authority: trustme.CA, names: tuple[str, ...]) -> Certificate:
    leaf = authority.issue_cert(*names, *_ADDRESSES, common_name=names[0])
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    return Certificate(chain.decode(), leaf.private_key_pem.bytes().decode())


def host_names(service: str, namespace: str) -> tuple[str, ...]:
    """What clients may call a Service, the name that NovaCron's samples use first."""
    return tuple(f"{service}.{namespace}{suffix}" for suffix in (".svc", "", ".svc.cluster.local"))


def password() -> str:
    """Printable and safe in a URL, a file and a command of Redis."""
    return secrets.token_urlsafe(24)


def restored(text: str) -> Access:
    """What ``Access.stored`` wrote."""
    content = json.loads(text)
    certificates = {name: Certificate(**parts) for name, parts in content.pop("certificates").items()}
    return Access(certificates=certificates, **content)
