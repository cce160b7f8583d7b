"""Where the API server is and how to prove who asks: a pod's service account, or a kubeconfig that was named.

An ambient ``KUBECONFIG`` is used by the commands a person types, exactly as kubectl does; tests never rely on it.
Errors never quote what a kubeconfig holds: it may be a secret.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from novacron.adapters import clock
from novacron.core.errors import NovaCronError

_log = logging.getLogger(__name__)
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_SECONDS = 60.0
"""How long a token read from a file is used before it is read again; the kubelet renews it at 80 % of its life."""
_USED_LIFE = 0.8
"""Part of a token's life after which a new one is fetched."""
_SOONEST = timedelta(seconds=10)
"""Between two runs of a credential plugin, whatever it says of its tokens."""
_NEVER = datetime.max.replace(tzinfo=UTC)
_DEFAULT_KUBECONFIG = "~/.kube/config"
_UNSUPPORTED = ("tls-server-name", "proxy-url")
_INSECURE = "insecure-skip-tls-verify"
_BASE64 = ("certificate-authority-data", "client-certificate-data", "client-key-data")
_ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::([0-9]{1,5}))?")
_NAMESPACE = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_WORDS = 300
"""Characters of somebody else's message that are passed on."""


class CredentialsMissing(NovaCronError):
    """No API server was named; the text says where was looked."""


class CredentialsUnusable(NovaCronError):
    """What was named cannot be used; the text says which file and field, and what to do."""


@dataclass(slots=True)
class Credentials:
    """An API server and an identity. ``token`` is asked for again and again: it may rotate.

    Args:
        source: where all this comes from, for messages.
        in_cluster: whether this process is a pod, and so reaches others in the cluster's network.
    """

    server: str
    namespace: str
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure: bool = False
    token: Callable[[], str] = field(default=lambda: "")
    source: str = "credentials"
    in_cluster: bool = False

    def headers(self) -> dict[str, str]:
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def tls(self) -> ssl.SSLContext | bool:
        """Raises ``CredentialsUnusable`` where a certificate or key cannot be read."""
        if not self.server.startswith("https:"):
            return False
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ValueError) as error:
            raise self._unusable("certificate-authority", "give certificates in PEM", error) from error
        if self.client_certificate:
            try:
                # with a password of none OpenSSL would ask the terminal for one
                context.load_cert_chain(self.client_certificate, self.client_key or None, password="")
            except (OSError, ValueError) as error:
                remedy = "give a certificate in PEM with its key, not encrypted"
                raise self._unusable("client-certificate and client-key", remedy, error) from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _unusable(self, name: str, remedy: str, error: Exception) -> CredentialsUnusable:
        return CredentialsUnusable(f"{self.source}: {name}: {_words(error)}; {remedy}")


def find(kubeconfig: str = "", context: str = "") -> Credentials:
    """A kubeconfig where one is named or the environment names one, else the pod's service account.

    Raises:
        CredentialsMissing: neither is there.
        CredentialsUnusable: what is there cannot be used.
    """
    if not kubeconfig and not context and (_ACCOUNT / "token").exists():
        return in_cluster()
    return from_kubeconfig(kubeconfig, context)


def in_cluster() -> Credentials:
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise CredentialsMissing("KUBERNETES_SERVICE_HOST is not set: run in a pod, or name a file with --kubeconfig")
    if ":" in host:
        host = f"[{host}]"
    found = Credentials(
        f"https://{host}:{port}",
        _read(_ACCOUNT / "namespace"),
        ca_file=str(_ACCOUNT / "ca.crt"),
        token=_FileToken(_ACCOUNT / "token"),
        source=str(_ACCOUNT),
        in_cluster=True,
    )
    return _checked(found, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT")


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError) as error:
        raise CredentialsUnusable(f"{path}: {_words(error)}; mount the token of the pod's service account") from error


class _FileToken:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._value = ""
        self._read_at = float("-inf")

    def __call__(self) -> str:
        if time.monotonic() - self._read_at > _TOKEN_SECONDS:
            self._value = _read(self._path)
            self._read_at = time.monotonic()
        return self._value


class RenewedToken:
    """A token and its successors, each fetched by a thread of its own while its predecessor is still good.

    Asking never waits: a credential plugin may take seconds, and an event loop asks. A token that ran out is given all
    the same until its successor is there; the API server then answers 401, which is tried again as an outage is.

    Args:
        fetch: gives the token and when it expires, if it does. Raises ``CredentialsUnusable``.
    """

    def __init__(self, fetch: Callable[[], tuple[str, datetime | None]]) -> None:
        self._fetch = fetch
        self._fetching = threading.Lock()
        self._value, self._renew_at = "", _NEVER
        self._take()

    def __call__(self) -> str:
        if self._due() and self._fetching.acquire(blocking=False):
            threading.Thread(target=self._renew, name="token", daemon=True).start()
        return self._value

    def _due(self) -> bool:
        return clock.now() >= self._renew_at

    def _renew(self) -> None:
        try:
            if self._due():  # else another thread was faster
                self._take()
        except CredentialsUnusable as error:
            self._renew_at = clock.now() + _SOONEST
            _log.warning("credentials not renewed, the last ones stay in use: %s", error)
        finally:
            self._fetching.release()

    def _take(self) -> None:
        self._value, expires = self._fetch()
        now = clock.now()
        self._renew_at = now + max(_SOONEST, (expires - now) * _USED_LIFE) if expires else _NEVER


def from_kubeconfig(kubeconfig: str = "", context: str = "") -> Credentials:
    """Read by the official client, so that exec plugins and OIDC work as they do in kubectl.

    Raises:
        CredentialsMissing: none was named, and there is none.
        CredentialsUnusable: it cannot be read or used.
    """
    source = kubeconfig or os.environ.get("KUBECONFIG", "") or _DEFAULT_KUBECONFIG
    with _translated(source):
        loader, namespace = _opened(source, context)
    token = RenewedToken(lambda: _fetched(source, loader))
    found = Credentials(
        getattr(loader, "host", ""),
        namespace,
        ca_file=getattr(loader, "ssl_ca_cert", None) or "",
        client_certificate=getattr(loader, "cert_file", None) or "",
        client_key=getattr(loader, "key_file", None) or "",
        insecure=not getattr(loader, "verify_ssl", True),
        token=token,
        source=source,
    )
    return _checked(found, "server of the cluster")


@contextmanager
def _translated(source: str) -> Iterator[None]:
    """Whatever the official client stumbles over, the file cannot be used: it declares no errors of its own."""
    try:
        yield
    except CredentialsMissing:
        raise
    except CredentialsUnusable as error:
        raise CredentialsUnusable(f"{source}: {error}") from error
    except Exception as error:
        raise CredentialsUnusable(f"{source}: no usable kubeconfig: {_words(error)}; correct it") from error


def _opened(source: str, context: str) -> tuple[Any, str]:
    """The client's loader for a context, and the context's namespace."""
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    merger = KubeConfigMerger(source)
    if merger.config is None:
        if source == _DEFAULT_KUBECONFIG:
            raise CredentialsMissing(f"no kubeconfig at {source}; name one with --kubeconfig or KUBECONFIG")
        raise CredentialsUnusable("no such file; name a kubeconfig that exists")
    content = merger.config.value
    name = context or content.get("current-context") or ""
    chosen = _entry(content, "context", name, "--context" if context else "current-context")
    cluster = _entry(content, "cluster", chosen.get("cluster"), f"contexts[{name}].context.cluster")
    user = _entry(content, "user", chosen["user"], f"contexts[{name}].context.user") if chosen.get("user") else {}
    _check(cluster, user)
    loader = KubeConfigLoader(
        merger.config, active_context=name, config_base_path=None, config_persister=merger.save_changes
    )
    namespace = chosen.get("namespace") or "default"
    if not _NAMESPACE.fullmatch(namespace):
        raise CredentialsUnusable(f"contexts[{name}].context.namespace: cannot name a namespace; correct it")
    return loader, namespace


def _entry(content: Any, kind: str, name: Any, named_by: str) -> dict[str, Any]:
    """What a kubeconfig holds under a name: a context, cluster or user."""
    entries = {node.value["name"]: node.value.get(kind) for node in content[f"{kind}s"]}
    if name not in entries:
        there = ", ".join(map(str, entries)) or "none"
        raise CredentialsUnusable(f"{named_by}: {name or 'nothing'} is named; the {kind}s that are there: {there}")
    if not isinstance(entries[name], dict):
        raise CredentialsUnusable(f"{kind}s[{name}].{kind}: must be an object; correct it")
    return dict(entries[name])


def _check(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    """Refuses what would be dropped or misread in silence."""
    for key in _UNSUPPORTED:
        if cluster.get(key):
            raise CredentialsUnusable(f"{key} of the cluster: is not supported; reach the API server without it")
    if not isinstance(cluster.get(_INSECURE, False), bool):
        raise CredentialsUnusable(f"{_INSECURE} of the cluster: must be true or false; write it without quotes")
    for key, value in {**cluster, **user}.items():
        if key in _BASE64 and value:
            try:
                base64.b64decode("".join(value.split()), validate=True)
            except ValueError as error:
                raise CredentialsUnusable(f"{key}: {error}; give a PEM file in base64") from error


def _fetched(source: str, loader: Any) -> tuple[str, datetime | None]:
    """A token and its expiry; empty where the user has none. Runs the credential plugin, if there is one."""
    from kubernetes import client

    loader.__dict__.pop("expiry", None)
    with _translated(source):
        with _overheard() as said:
            loader.load_and_set(client.Configuration())
        if said:
            remedy = "install it, or run it yourself to see why"
            raise CredentialsUnusable(f"exec of the user: the credential plugin failed: {said[-1]}; {remedy}")
    return getattr(loader, "token", "").removeprefix("Bearer ").strip(), getattr(loader, "expiry", None)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the official client says on the root logger where it should raise; it is kept from the terminal."""
    said: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        said.append(" ".join(record.getMessage().split())[:_WORDS])
        return False

    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)  # without any handler, logging.error would add one that prints
    root.addFilter(keep)
    try:
        yield said
    finally:
        root.removeFilter(keep)
        root.removeHandler(silent)


def _checked(found: Credentials, name: str) -> Credentials:
    """The same, once its address and certificates are known to be usable.

    Args:
        name: of the field that the address comes from.
    """
    address = _ADDRESS.fullmatch(found.server)
    if address is None or int(address[1] or 0) > 65535:
        rule = "must be https://, a host and a port, without a path; write e.g. https://10.0.0.1:6443"
        raise CredentialsUnusable(f"{found.source}: {name}: {rule}")
    found.tls()
    return found


def _words(error: Exception) -> str:
    """One line, without what a file holds: the official client quotes whole entries, secrets included."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {' '.join(str(error).partition('{')[0].split())}"[:_WORDS]
