"""What the neighbours' pods have in common: one container that may do nothing but its work, and a Service in front."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from novacron.core.manifest import Manifest

IMAGES = "localhost/novacron-e2e"
UID = 65532
SECURITY: Manifest = {
    "runAsNonRoot": True,
    "runAsUser": UID,
    "runAsGroup": UID,
    "fsGroup": UID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Of a pod; fits Pod Security `restricted`, as the containers' does."""
_APP = "app.kubernetes.io/name"


@dataclass(frozen=True, slots=True)
class Workload:
    """One neighbour, as a Deployment of one pod.

    Args:
        image: name and tag below IMAGES.
        command: empty: the image's entry point.
        ready: handler of the readiness probe.
        ports: name -> container port; a name ending in ``-udp`` is UDP.
        files: mount path -> volume source, mounted read-only.
        spaces: mount path -> limit of an empty directory on disk.
        environment: variables of its containers.
        first: arguments of an init container of the same image with the same mounts, command included.
        account: service account, whose token is mounted; empty: the default one, without token.
        cpu, memory: request of CPU and limit of memory; memory is requested by half.
        labels: more of them for the pod.
        pod: more of the pod's specification.
    """

    name: str
    namespace: str
    image: str
    ready: Manifest
    command: Sequence[str] = ()
    arguments: Sequence[str] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Manifest] = field(default_factory=dict)
    spaces: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    first: Sequence[str] = ()
    account: str = ""
    cpu: str = "10m"
    memory: int = 128
    labels: Mapping[str, str] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)


def selector(name: str) -> dict[str, str]:
    return {_APP: name}


def deployment(workload: Workload) -> Manifest:
    """Replaced, never doubled: its data lives in the pod."""
    container = _container(workload)
    spec: Manifest = {
        "securityContext": dict(SECURITY),
        "enableServiceLinks": False,
        "automountServiceAccountToken": bool(workload.account),
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": [{"name": _volume(path), **source} for path, source in _sources(workload).items()],
        **workload.pod,
    }
    if workload.account:
        spec["serviceAccountName"] = workload.account
    if workload.first:
        first = _container(replace(workload, name="first", command=workload.first, arguments=(), ports={}))
        del first["readinessProbe"]
        spec["initContainers"] = [first]
    labels = selector(workload.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": workload.namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": {**labels, **workload.labels}}, "spec": spec},
        },
    }


def _container(workload: Workload) -> Manifest:
    return {
        "name": workload.name,
        "image": f"{IMAGES}/{workload.image}",
        "imagePullPolicy": "Never",
        **({"command": list(workload.command)} if workload.command else {}),
        "args": list(workload.arguments),
        "env": [{"name": name, "value": value} for name, value in workload.environment.items()],
        "ports": [
            {"name": name, "containerPort": port, "protocol": _protocol(name)} for name, port in workload.ports.items()
        ],
        "resources": {
            "requests": {"cpu": workload.cpu, "memory": f"{workload.memory // 2}Mi"},
            "limits": {"memory": f"{workload.memory}Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # every second: what starts is waited for
        "readinessProbe": {**workload.ready, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 5},
        "volumeMounts": [
            {"name": _volume(path), "mountPath": path, **({"readOnly": True} if path in workload.files else {})}
            for path in _sources(workload)
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _sources(workload: Workload) -> Mapping[str, Manifest]:
    spaces = {path: {"emptyDir": {"sizeLimit": limit}} for path, limit in workload.spaces.items()}
    return {**workload.files, **spaces}


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-").lower()


def _protocol(port: str) -> str:
    return "UDP" if port.endswith("-udp") else "TCP"


def service(workload: Workload, ports: Mapping[str, int] | None = None, cluster_ip: str = "") -> Manifest:
    """In front of the ports of a workload.

    Args:
        ports: name -> port where it differs from the container's.
    """
    listed = [
        {"name": name, "port": (ports or {}).get(name, port), "targetPort": name, "protocol": _protocol(name)}
        for name, port in workload.ports.items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": {
            "selector": selector(workload.name),
            "ports": listed,
            **({"clusterIP": cluster_ip} if cluster_ip else {}),
        },
    }


def namespace(name: str, enforce: str = "") -> Manifest:
    """Made where it is missing; labels that others gave it stay.

    Args:
        enforce: level of Pod Security.
    """
    labels = {"pod-security.kubernetes.io/enforce": enforce} if enforce else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def account(name: str, namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
        "automountServiceAccountToken": False,
    }


def cluster_role(name: str, rules: Sequence[Manifest]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
    }


def rule(group: str, resources: str, verbs: str) -> Manifest:
    """Words separated by spaces."""
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


def binding(role: str, subject: str, namespace: str) -> Manifest:
    """Gives a ClusterRole to a service account everywhere."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{role}:{subject}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": namespace}],
    }


def namespaced_binding(role: str, subject: str, namespace: str) -> Manifest:
    """Gives a Role of a namespace to a service account of it."""
    found = binding(role, subject, namespace)
    return {
        **found,
        "kind": "RoleBinding",
        "metadata": {"name": f"{role}:{subject}", "namespace": namespace},
        "roleRef": {**found["roleRef"], "kind": "Role"},
    }


def settings(name: str, namespace: str, files: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": dict(files),
    }


def secret(name: str, namespace: str, files: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": {key: b64encode(text.encode()).decode() for key, text in files.items()},
    }
