"""Where the API server is and how to prove who asks: a pod's service account, or a kubeconfig that was named.

An ambient ``KUBECONFIG`` is used by the commands a person types, exactly as kubectl does; tests never rely on it.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from novacron.core.errors import NovaCronError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_SECONDS = 60.0
"""How long a token read from a file is used before it is read again; the kubelet renews it at 80 % of its life."""


class CredentialsMissing(NovaCronError):
    """No API server could be found; the text says where was looked."""


@dataclass(slots=True)
class Credentials:
    """An API server and an identity. ``token`` is asked for again and again: it may rotate."""

    server: str
    namespace: str
    ca_file: str = ""
    ca_data: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure: bool = False
    token: Callable[[], str] = field(default=lambda: "")

    def headers(self) -> dict[str, str]:
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def tls(self) -> ssl.SSLContext | bool:
        if not self.server.startswith("https:"):
            return False
        context = ssl.create_default_context(cafile=self.ca_file or None, cadata=self.ca_data or None)
        if self.client_certificate:
            context.load_cert_chain(self.client_certificate, self.client_key or None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def find(kubeconfig: str = "", context: str = "") -> Credentials:
    """A kubeconfig where one is named or the environment names one, else the pod's service account.

    Raises:
        CredentialsMissing: neither is there, or the kubeconfig cannot be used.
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
    namespace = (_ACCOUNT / "namespace").read_text().strip()
    return Credentials(
        f"https://{host}:{port}", namespace, ca_file=str(_ACCOUNT / "ca.crt"), token=_FileToken(_ACCOUNT / "token")
    )


class _FileToken:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._value = ""
        self._read_at = float("-inf")

    def __call__(self) -> str:
        if time.monotonic() - self._read_at > _TOKEN_SECONDS:
            self._value = self._path.read_text().strip()
            self._read_at = time.monotonic()
        return self._value


def from_kubeconfig(kubeconfig: str = "", context: str = "") -> Credentials:
    """Read by the official client, so that exec plugins and OIDC work as they do in kubectl."""
    from kubernetes import client, config

    settings = client.Configuration()
    try:
        config.load_kube_config(config_file=kubeconfig or None, context=context or None, client_configuration=settings)
        _contexts, active = config.list_kube_config_contexts(config_file=kubeconfig or None)
    except (config.ConfigException, yaml.YAMLError, TypeError, AttributeError, OSError) as error:
        words = " ".join(str(error).split())[:200]
        raise CredentialsMissing(f"no usable kubeconfig: {words}; name one with --kubeconfig") from error
    if context:
        active = next(entry for entry in _contexts if entry["name"] == context)

    def token() -> str:
        header = (
            settings.get_api_key_with_prefix("authorization") or settings.get_api_key_with_prefix("BearerToken") or ""
        )
        return (header or "").removeprefix("Bearer ").strip()

    return Credentials(
        settings.host,
        active["context"].get("namespace", "default"),
        ca_file=settings.ssl_ca_cert or "",
        client_certificate=settings.cert_file or "",
        client_key=settings.key_file or "",
        insecure=not settings.verify_ssl,
        token=token,
    )
