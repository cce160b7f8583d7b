"""How clients outside reach api: HTTPRoute with a redirect, or Ingress. Pure."""

from __future__ import annotations

from typing import Any

from novacron.api.v1alpha1 import NovaCron
from novacron.core import kinds, names
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest
from novacron.workload.component import manifest

_ISSUER = "cert-manager.io/cluster-issuer"


def children(resource: NovaCron, capabilities: Capabilities) -> list[Manifest]:
    exposure = resource.spec.exposure
    if not resource.spec.api.enabled:
        return []
    if exposure.type == "Ingress":
        return [_ingress(resource)]
    if exposure.type == "Gateway" and capabilities.serves(kinds.HTTP_ROUTE):
        return [_route(resource), *_redirect(resource)]
    return []


def _parent(resource: NovaCron, **more: Any) -> Manifest:
    gateway = resource.spec.exposure.gateway
    group = "gateway.networking.k8s.io"
    return {"group": group, "kind": "Gateway", "name": gateway.name, "namespace": gateway.namespace, **more}


def _match(resource: NovaCron) -> list[Manifest]:
    return [{"path": {"type": "PathPrefix", "value": resource.spec.exposure.path}}]


def _route(resource: NovaCron) -> Manifest:
    """Without ``timeouts``: an upload is answered when it has ended, however long that takes, and a
    gateway that cannot do them may refuse the route. What may not take long is bounded in the workloads.
    """
    exposure = resource.spec.exposure
    section = {"sectionName": exposure.gateway.section_name} if exposure.gateway.section_name else {}
    backend = {
        "group": "",
        "kind": "Service",
        "name": names.component(resource.metadata.name, "api"),
        "port": resource.spec.api.service.port,
        "weight": 1,
    }
    spec = {
        "parentRefs": [_parent(resource, **section)],
        "hostnames": list(exposure.hosts),
        "rules": [{"matches": _match(resource), "backendRefs": [backend]}],
    }
    return manifest(resource, kinds.HTTP_ROUTE, resource.metadata.name, "api", spec=spec)


def _redirect(resource: NovaCron) -> list[Manifest]:
    """From port 80 to HTTPS; only where the route itself is bound to one listener, else it would redirect to itself."""
    exposure = resource.spec.exposure
    if not exposure.gateway.section_name:
        return []
    action = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    spec = {
        "parentRefs": [_parent(resource, port=80)],
        "hostnames": list(exposure.hosts),
        "rules": [{"matches": _match(resource), "filters": [action]}],
    }
    name = names.component(resource.metadata.name, names.REDIRECT_SUFFIX)
    return [manifest(resource, kinds.HTTP_ROUTE, name, "api", spec=spec)]


def _ingress(resource: NovaCron) -> Manifest:
    exposure, name = resource.spec.exposure, resource.metadata.name
    spec: Manifest = {
        "ingressClassName": exposure.ingress.class_name,
        "rules": [{"host": host, "http": {"paths": [_path(resource)]}} for host in exposure.hosts],
    }
    secret = exposure.tls.secret_name or (names.component(name, "tls") if exposure.tls.issuer else "")
    if secret:
        spec["tls"] = [{"hosts": list(exposure.hosts), "secretName": secret}]
    annotations = dict(exposure.ingress.annotations)
    if exposure.tls.issuer:
        annotations[_ISSUER] = exposure.tls.issuer
    return manifest(resource, kinds.INGRESS, name, "api", annotations=annotations, spec=spec)


def _path(resource: NovaCron) -> Manifest:
    service = {"name": names.component(resource.metadata.name, "api"), "port": {"name": "http"}}
    return {"path": resource.spec.exposure.path, "pathType": "Prefix", "backend": {"service": service}}
