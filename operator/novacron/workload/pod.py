"""The hardened pod template: one for all workloads and Jobs."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from novacron.api.v1alpha1 import Image, NovaCron, Workload
from novacron.core import labels, names, quantity
from novacron.core.manifest import Manifest
from novacron.workload.component import Component
from novacron.workload.paths import CONFIG_DIRECTORY, JWKS_DIRECTORY, SCRATCH_DIRECTORY, SECRETS_DIRECTORY

_TMPFS_MOST = quantity.parse("100Mi")
_TMPFS_SHARE = 8
_DRAIN_SECONDS = 5
"""preStop: endpoints and gateways stop sending before the process is told to end."""


def template(component: Component) -> Manifest:
    """``spec.template`` of a Deployment, or of a Job where the component runs once."""
    spec = component.spec
    annotations = {labels.CONFIG_CHECKSUM: hashlib.sha256(component.settings.encode()).hexdigest()}
    return {
        "metadata": {
            "labels": spec.pod_labels | labels.pod(component.resource.metadata.name, component.role),
            "annotations": spec.pod_annotations | annotations,
        },
        "spec": _pod(component),
    }


def _pod(component: Component) -> Manifest:
    spec, resource = component.spec, component.resource
    pod: Manifest = {
        "serviceAccountName": component.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "restartPolicy": "Always" if component.serves else "Never",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": spec.termination_grace_period_seconds,
        "dnsPolicy": "ClusterFirst",
        "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
        "securityContext": _pod_security(component),
        "containers": [_container(component)],
        "volumes": _volumes(component),
    }
    if resource.spec.security.user_namespaces and component.capabilities.at_least(33):
        pod["hostUsers"] = False
    if resource.spec.image.pull_secrets:
        pod["imagePullSecrets"] = [secret.manifest() for secret in resource.spec.image.pull_secrets]
    if spec.priority_class_name:
        pod["priorityClassName"] = spec.priority_class_name
    return pod | _placement(component)


def _pod_security(component: Component) -> Manifest:
    uid, security = component.spec.uid, component.resource.spec.security
    context: Manifest = {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "fsGroup": uid,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if security.app_armor == "RuntimeDefault" and component.capabilities.at_least(30):
        context["appArmorProfile"] = {"type": "RuntimeDefault"}
    if security.strict_supplemental_groups and component.capabilities.at_least(33):
        context["supplementalGroupsPolicy"] = "Strict"
    return context


def _container(component: Component) -> Manifest:
    spec, resource = component.spec, component.resource
    container: Manifest = {
        "name": component.role,
        "image": image(component.resource, spec.image),
        "imagePullPolicy": resource.spec.image.pull_policy or ("IfNotPresent" if spec.image.digest else "Always"),
        "args": [component.role, *component.options],
        "resources": resources(component),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": spec.uid,
            "runAsGroup": spec.uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": _mounts(component),
        "terminationMessagePath": "/dev/termination-log",
        # what runs once writes its own last words; a piece of its log would only stand in their place
        "terminationMessagePolicy": "FallbackToLogsOnError" if component.serves else "File",
    }
    if spec.env:
        container["env"] = [{"name": item.name, "value": item.value} for item in spec.env]
    return container | (_serving(component) if component.serves else {})


def _serving(component: Component) -> Manifest:
    """What a container has that others send requests to."""
    spec = component.spec
    serving: Manifest = {
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in component.container_ports.items()
        ],
        "startupProbe": _probe(spec.probes.startup),
        "livenessProbe": _probe(spec.probes.liveness),
        "readinessProbe": _probe(spec.probes.readiness),
    }
    if drain_seconds(spec):
        serving["lifecycle"] = {"preStop": {"sleep": {"seconds": drain_seconds(spec)}}}
    return serving


def drain_seconds(spec: Workload) -> int:
    """Seconds of the grace period that pass before the process is told to end; 0 where that is short anyway."""
    return _DRAIN_SECONDS if spec.termination_grace_period_seconds > 2 * _DRAIN_SECONDS else 0


def image(resource: NovaCron, wanted: Image) -> str:
    """``[registry/]repository[:tag][@digest]``; the tag is the resource's version unless tag or digest is given."""
    registry = resource.spec.image.registry
    first, _, rest = wanted.repository.partition("/")
    named = bool(rest) and ("." in first or ":" in first or first == "localhost")
    repository = wanted.repository if named or not registry else f"{registry.rstrip('/')}/{wanted.repository}"
    tag = wanted.tag or ("" if wanted.digest else resource.spec.version)
    return repository + (f":{tag}" if tag else "") + (f"@{wanted.digest}" if wanted.digest else "")


def resources(component: Component) -> Manifest:
    """Requests and limits as the API server writes them; scratch counts as ephemeral storage, GPUs stand in both."""
    return {side: _amounts(component, side) for side in ("requests", "limits")}


def _amounts(component: Component, side: str) -> dict[str, str]:
    asked = component.spec.resources.requests if side == "requests" else component.spec.resources.limits
    scratch = quantity.parse(component.ml.scratch.size) if component.ml else Decimal(0)
    memory = component.memory_limit if side == "limits" else ""
    amounts = {
        "cpu": quantity.cpu(quantity.parse(asked.cpu)),
        "memory": quantity.memory(quantity.parse(memory or asked.memory)),
        "ephemeral-storage": quantity.memory(quantity.parse(asked.ephemeral_storage) + scratch),
    }
    if component.ml and component.ml.gpus:
        amounts["nvidia.com/gpu"] = str(component.ml.gpus)
    return amounts


def _probe(probe: Any) -> Manifest:
    return {
        "httpGet": {"path": probe.path, "port": "http", "scheme": "HTTP"},
        "periodSeconds": probe.period_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "failureThreshold": probe.failure_threshold,
        "successThreshold": 1,
    }


def _mounts(component: Component) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own tmpfs
        {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
    ]
    if component.serves:
        mounts.append({"name": "jwks", "mountPath": JWKS_DIRECTORY, "readOnly": True})
    mounts += [
        {"name": f"secret-{mount.group}", "mountPath": f"{SECRETS_DIRECTORY}/{mount.group}", "readOnly": True}
        for mount in component.mounts
    ]
    if component.ml:
        mounts.append({"name": "scratch", "mountPath": SCRATCH_DIRECTORY})
    return mounts


def _volumes(component: Component) -> list[Manifest]:
    name = component.resource.metadata.name
    volumes: list[Manifest] = [
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": tmpfs_size(component)}},
        {"name": "config", "configMap": {"name": names.config(name, component.role), "defaultMode": 0o440}},
    ]
    if component.serves:
        volumes.append({"name": "jwks", "configMap": {"name": names.jwks(name), "defaultMode": 0o440}})
    for mount in component.mounts:
        source: Manifest = {"secretName": mount.secret, "defaultMode": 0o440}
        if mount.items:
            source["items"] = [{"key": key, "path": path} for key, path in mount.items]
        volumes.append({"name": f"secret-{mount.group}", "secret": source})
    if component.ml:
        size = quantity.memory(quantity.parse(component.ml.scratch.size))
        volumes.append({"name": "scratch", "emptyDir": {"sizeLimit": size}})
    return volumes


def tmpfs_size(component: Component) -> str:
    """At most an eighth of the memory limit, which a tmpfs counts against, and at most 100Mi.

    Of the limit of the spec: what right-sizing adds is the process's alone.
    """
    share = quantity.parse(component.spec.resources.limits.memory) // _TMPFS_SHARE
    mebibyte = quantity.parse("1Mi")
    return quantity.memory(max(mebibyte, min(share, _TMPFS_MOST) // mebibyte * mebibyte))


def _placement(component: Component) -> Manifest:
    spec, gpus = component.spec, component.ml.gpus if component.ml else 0
    selector = dict(spec.node_selector) | ({"workload-type": "ml"} if gpus else {})
    tolerations = [toleration.manifest() for toleration in spec.tolerations]
    if gpus:
        tolerations.append({"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"})
    placement: Manifest = {}
    if selector:
        placement["nodeSelector"] = selector
    if tolerations:
        placement["tolerations"] = tolerations
    given = spec.affinity.manifest()
    if given:
        return placement | {"affinity": given}
    linux = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
    nodes = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [linux]}]}}
    affinity = {"nodeAffinity": nodes}
    if not component.serves:
        return placement | {"affinity": affinity}
    return placement | {"affinity": affinity | _apart(component), "topologySpreadConstraints": _spread(component)}


def _apart(component: Component) -> Manifest:
    term = {"labelSelector": {"matchLabels": component.selector}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }


def _spread(component: Component) -> list[Manifest]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": component.selector},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
