"""What libpq is told of a database and a login, and what its errors mean.

psycopg's own error texts hold host, user and sometimes more. They end here: what leaves is ``Unusable`` with a reason.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from novacron.adapters.authorities import system_bundle
from novacron.core.dependencies import Unusable

CONNECT_SECONDS = 3
_UNACKNOWLEDGED_MILLISECONDS = 10_000
"""After so long without an answer of the other machine's kernel a connection is given up."""


@dataclass(frozen=True, slots=True)
class Server:
    """A database, without a login.

    Args:
        ssl_mode: verify-full, verify-ca, require or disable, as libpq means them.
        application: how our connections are called in pg_stat_activity.
    """

    host: str
    port: int
    name: str
    ssl_mode: str
    application: str = "novacron"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are, and whom we trust. PEM; empty: none."""

    username: str
    password: str = field(repr=False)
    authorities: bytes = field(default=b"", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)


def parameters(server: Server, login: Login, material: Material) -> dict[str, Any]:
    """What libpq is told. Explicit, so that neither its environment nor files of a home folder speak.

    Raises:
        Unusable: nobody is named whom to trust.
    """
    return {
        "host": server.host,
        "port": server.port,
        "dbname": server.name,
        "user": login.username,
        "password": login.password,
        "application_name": server.application,
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": _UNACKNOWLEDGED_MILLISECONDS,
        "gssencmode": "disable",
        "passfile": os.devnull,
        "sslmode": server.ssl_mode,
        **(material.of(login, server.ssl_mode) if server.ssl_mode != "disable" else {}),
    }


class Material:
    """Certificates and keys of logins in files of our own: libpq takes paths alone.

    Not the mounted files, which may be newer than the login that was tried.
    """

    def __init__(self) -> None:
        self._folders: dict[Login, tempfile.TemporaryDirectory[str]] = {}

    def of(self, login: Login, ssl_mode: str) -> dict[str, str]:
        folder = Path(self._folder(login).name)
        found = {"sslrootcert": self._authorities(folder, login, ssl_mode)} if ssl_mode.startswith("verify") else {}
        if login.certificate and login.key:
            _write(folder / "tls.crt", login.certificate)
            _write(folder / "tls.key", login.key)
            return found | {"sslcert": str(folder / "tls.crt"), "sslkey": str(folder / "tls.key")}
        return found | {"sslcert": str(folder / "none")}  # else libpq would take one from the home folder

    def _authorities(self, folder: Path, login: Login, ssl_mode: str) -> str:
        if login.authorities:
            _write(folder / "ca.crt", login.authorities)
            return str(folder / "ca.crt")
        if ssl_mode == "verify-ca":
            # libpq's own rule for the system's authorities: any of their certificates, for any name, would do
            detail = "ca.crt is not mounted, and verify-ca with the system's authorities would believe anybody"
            raise Unusable("FileMissing", detail)
        bundle = system_bundle()
        if not bundle:
            raise Unusable("FileMissing", "neither ca.crt is mounted nor has the system certificate authorities")
        return bundle

    def _folder(self, login: Login) -> tempfile.TemporaryDirectory[str]:
        if login not in self._folders:
            self._folders[login] = tempfile.TemporaryDirectory(prefix="novacron-")
        return self._folders[login]

    def keep(self, login: Login) -> None:
        """Forgets all others."""
        for other in [known for known in self._folders if known != login]:
            self._folders.pop(other).cleanup()

    def close(self) -> None:
        for folder in self._folders.values():
            folder.cleanup()
        self._folders.clear()


def _write(path: Path, content: bytes) -> None:
    """libpq refuses a key that others can read."""
    path.touch(0o600)
    path.write_bytes(content)


_SAID = (
    ("failed to resolve host", "NameNotResolved"),
    ("could not translate host name", "NameNotResolved"),
    ("server does not support SSL", "EncryptionRefused"),
    ("no encryption", "EncryptionRefused"),
    ("certificate verify failed", "CertificateRefused"),
    ("does not match host name", "CertificateRefused"),
    ("certificate authentication failed", "CertificateRefused"),
    ("connection requires a valid client certificate", "CertificateRefused"),
    ("alert unknown ca", "CertificateRefused"),
    ("alert bad certificate", "CertificateRefused"),
    ("root certificate file", "FileInvalid"),
    ("could not load", "FileInvalid"),
    ("private key file", "FileInvalid"),
    ("certificate file", "FileInvalid"),
    ("authentication failed", "AuthenticationFailed"),
    ('FATAL:  role "', "AuthenticationFailed"),
    ("does not exist", "DatabaseMissing"),
    ("permission denied for database", "PermissionDenied"),
    ("no pg_hba.conf entry", "PermissionDenied"),
    ("too many clients", "ConnectionsExhausted"),
    ("too many connections", "ConnectionsExhausted"),
    ("remaining connection slots", "ConnectionsExhausted"),
    ("database system is", "NotServing"),
    ("timeout expired", "TimedOut"),
    ("Connection timed out", "TimedOut"),
    ("FATAL:", "Refused"),
)
"""What an error of connecting says -> why. libpq keeps the SQLSTATE of a refused connection to itself, so its text is
all there is; a server that speaks another language than English ends as Refused, or AuthenticationFailed."""


def unusable(error: psycopg.Error) -> Unusable:
    """Why, by class where there is one, else by text; the text itself goes no further."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Unusable("TimedOut")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Unusable("PermissionDenied")
    if isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown):
        return Unusable("NotServing")
    if type(error).__name__ == "PoolTimeout":
        return Unusable("TimedOut")
    text = str(error)
    reason = next((reason for said, reason in _SAID if said in text), "Unreachable")
    lacking = error.pgconn is not None and error.pgconn.needs_password
    return Unusable("AuthenticationFailed" if lacking else reason)
