"""A small synchronous client of the API server for tests: what a person or another controller does to objects.

It is not the product's client on purpose: a defect there must not hide itself here.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from novacron.core import kinds
from novacron.core.manifest import Kind

Manifest = dict[str, Any]

NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
SECRET = Kind("v1", "Secret", "secrets")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False)
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
MUTATION = Kind(
    "admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", namespaced=False
)
MUTATION_BINDING = Kind(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    namespaced=False,
)
KINDS: dict[str, Kind] = {
    kind.kind: kind
    for kind in (
        *kinds.CHILDREN,
        kinds.NOVACRON,
        kinds.LEASE,
        kinds.NODE,
        kinds.POD,
        kinds.EVENT,
        NAMESPACE,
        SECRET,
        CRD,
        CLUSTER_ROLE,
        ROLE,
        ROLE_BINDING,
        MUTATION,
        MUTATION_BINDING,
    )
}
PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Refused(Exception):
    """The API server's no. ``code`` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Client:
    """One identity at one API server; may be used from several threads."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._address = urllib.parse.urlsplit(cluster["server"])
        self._tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        if "client-certificate" in user:
            self._tls.load_cert_chain(user["client-certificate"], user["client-key"])
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._local = threading.local()

    def request(self, method: str, url: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The decoded answer. Raises ``Refused`` for a status of 400 and more, ``OSError`` where none came."""
        payload = None if body is None else json.dumps(body)
        headers = self._headers | ({} if payload is None else {"Content-Type": content_type})
        for attempt in (1, 2):
            connection = self._connection()
            try:
                connection.request(method, url, payload, headers)
                response = connection.getresponse()
                text = response.read()
                break
            except (http.client.HTTPException, OSError):
                connection.close()
                self._local.connection = None
                if attempt == 2:
                    raise
        answer = json.loads(text) if text.startswith((b"{", b"[")) else text.decode()
        if response.status >= 400:
            raise Refused(response.status, answer["message"] if isinstance(answer, dict) else answer)
        return answer

    def _connection(self) -> http.client.HTTPSConnection:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(
                self._address.hostname or "", self._address.port, timeout=30, context=self._tls
            )
            self._local.connection = connection
        return connection

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None where there is none."""
        try:
            found: Manifest = self.request("GET", path(kind, namespace, name))
        except Refused as refusal:
            if refusal.code == 404:
                return None
            raise
        return found

    def list(self, kind: str, namespace: str = "", selector: str = "") -> list[Manifest]:
        """Objects of a kind; empty where the kind is not served."""
        query = "?" + urllib.parse.urlencode({"labelSelector": selector}) if selector else ""
        try:
            answer = self.request("GET", path(kind, namespace) + query)
        except Refused as refusal:
            if refusal.code == 404:
                return []
            raise
        return [{**item, "kind": kind, "apiVersion": KINDS[kind].api_version} for item in answer["items"]]

    def create(self, manifest: Manifest, manager: str = "kubectl-create") -> Manifest:
        meta = manifest["metadata"]
        url = path(manifest["kind"], meta.get("namespace", ""))
        answer: Manifest = self.request("POST", f"{url}?fieldManager={manager}", manifest)
        return answer

    def apply(self, manifest: Manifest, manager: str = "kubectl", subresource: str = "") -> Manifest:
        """Server-side apply with force."""
        meta = manifest["metadata"]
        url = path(manifest["kind"], meta.get("namespace", ""), meta["name"], subresource)
        answer: Manifest = self.request("PATCH", f"{url}?fieldManager={manager}&force=true", manifest, PATCHES["apply"])
        return answer

    def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        body: Any,
        form: str = "merge",
        manager: str = "kubectl-edit",
        subresource: str = "",
    ) -> Manifest:
        """What ``kubectl edit`` and ``kubectl patch`` send; ``form`` is a key of PATCHES."""
        url = f"{path(kind, namespace, name, subresource)}?fieldManager={manager}"
        answer: Manifest = self.request("PATCH", url, body, PATCHES[form])
        return answer

    def delete(self, kind: str, namespace: str, name: str, propagation: str = "Background") -> bool:
        """Whether there was something to delete."""
        try:
            self.request("DELETE", path(kind, namespace, name), {"propagationPolicy": propagation})
        except Refused as refusal:
            if refusal.code == 404:
                return False
            raise
        return True

    def watch(self, kind: str, seconds: int) -> Iterator[tuple[str, Manifest]]:
        """What is there and every change, for so many seconds, over a connection of its own."""
        connection = http.client.HTTPSConnection(
            self._address.hostname or "", self._address.port, timeout=seconds + 10, context=self._tls
        )
        try:
            connection.request("GET", f"{path(kind)}?watch=1&timeoutSeconds={seconds}", headers=self._headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise Refused(response.status, response.read().decode())
            for line in response:
                event: Mapping[str, Any] = json.loads(line)
                yield event["type"], event["object"]
        finally:
            connection.close()


def path(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The URL path of an object or a collection."""
    known = KINDS[kind]
    root = f"/apis/{known.api_version}" if known.group else f"/api/{known.api_version}"
    where = f"/namespaces/{namespace}" if namespace and known.namespaced else ""
    return "/".join(part for part in (root + where, known.plural, name, subresource) if part)
