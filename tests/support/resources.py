"""NovaCron resources for tests: the smallest valid one, one with every field given, and changes to either."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]


def minimal(name: str = "novacron", namespace: str = "novacron", **spec: Any) -> Manifest:
    """The smallest valid resource; keyword arguments replace whole fields of the spec."""
    return {
        "apiVersion": "novacron.io/v1alpha1",
        "kind": "NovaCron",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "version": "v10.0.0",
            "database": {"host": "db.example.com"},
            "redis": {"host": "redis.example.com"},
            "secrets": {"vault": {"server": "https://vault.example.com"}},
            **spec,
        },
    }


def full(name: str = "novacron", namespace: str = "novacron") -> Manifest:
    """A valid resource in which every field is given, few of them with their default."""
    return minimal(
        name,
        namespace,
        environment="staging",
        image={
            "registry": "registry.example.com:5000/team",
            "pullPolicy": "IfNotPresent",
            "pullSecrets": [{"name": "registry-login"}],
        },
        database=_database(),
        redis={"host": "10.20.30.40", "port": 6380, "tls": True, "cidrs": ["10.20.30.40/32"], "peers": [_peer()]},
        secrets=_secrets(),
        exposure={
            "type": "Ingress",
            "hosts": ["api.example.com", "*.example.org"],
            "path": "/nova",
            "tls": {"secretName": "api-tls", "issuer": "letsencrypt"},
            "gateway": {"name": "public", "namespace": "gateways", "sectionName": "https"},
            "ingress": {"className": "traefik", "annotations": {"example.com/limit": "100 a minute"}},
        },
        networkPolicy={"enabled": True, "gatewayNamespaces": ["ingress"], "monitoringNamespaces": ["observability"]},
        governance=_governance(),
        monitoring={
            "serviceMonitor": {"enabled": True, "interval": "15s", "path": "/m", "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
            "dashboards": {"enabled": True, "labels": {"grafana_dashboard": "yes"}},
        },
        security={"appArmor": "RuntimeDefault", "userNamespaces": True, "strictSupplementalGroups": True},
        serviceAccount={"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/novacron"}},
        api=_workload(),
        auth=_auth(),
        query=_workload()
        | {
            "retention": "30d",
            "statementTimeout": "10s",
            "cacheTTL": "1m",
            "pageSize": {"default": 50, "max": 500},
        },
        ml=_ml(),
    )


def changed(resource: Manifest, changes: Mapping[str, Any]) -> Manifest:
    """A copy with values at paths such as ``spec.api.env[0].name`` or ``spec.api.resources.limits['cpu']`` replaced.

    A step that does not exist yet is made; a list index must exist, or be the next one.
    """
    copied = copy.deepcopy(resource)
    for path, value in changes.items():
        place(copied, steps(path), value)
    return copied


def steps(path: str) -> list[str | int]:
    """The steps of a path as the API server writes it: fields, list indexes, and map keys in ``['...']``."""
    found = re.findall(r"\['([^']+)'\]|\[([0-9]+)\]|([^.\[\]]+)", path)
    return [quoted or (int(index) if index else name) for quoted, index, name in found]


def place(document: Manifest, path: list[str | int], value: Any) -> None:
    """Put a value into a document, in place."""
    target: Any = document
    for step, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        target = _entered(target, step, empty)
    if isinstance(target, list) and path[-1] == len(target):
        target.append(value)
    else:
        target[path[-1]] = value


def _entered(target: Any, step: str | int, empty: Any) -> Any:
    if isinstance(step, int):
        if step == len(target):
            target.append(empty)
        return target[step]
    return target.setdefault(step, empty)


def _peer() -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
        "podSelector": {"matchExpressions": [{"key": "role", "operator": "In", "values": ["primary"]}]},
    }


def _database() -> Manifest:
    return {
        "host": "db.internal.example.com",
        "port": 6432,
        "name": "nova_cron",
        "sslMode": "verify-ca",
        "migrate": True,
        "connectionBudget": 400,
        "cidrs": ["10.20.0.0/16", "fd00:20::/32"],
        "peers": [_peer(), {"ipBlock": {"cidr": "10.21.0.0/16", "except": ["10.21.1.0/24"]}}],
    }


def _secrets() -> Manifest:
    keys = {"username": "user", "password": "pass", "ca.crt": "ca", "tls.crt": "cert", "tls.key": "key"}
    logins = {
        user: {"secretName": f"db-{user}", "remoteKey": f"database/{user}", "keys": dict(keys)}
        for user in ("migrate", "auth", "query")
    }
    return {
        "provider": "ExternalSecrets",
        "refreshInterval": "1h30m",
        "vault": {
            "server": "https://vault.internal.example.com:8200",
            "path": "kv",
            "version": "v1",
            "namespace": "team-a",
            "kubernetesAuth": {"mountPath": "k8s", "role": "nova", "audience": "https://vault"},
            "caSecretRef": {"name": "vault-ca", "key": "bundle.pem"},
        },
        "database": {"secretName": "db-login", "remoteKey": "database/nova", "keys": dict(keys)},
        "databaseUsers": logins,
        "redis": {
            "secretName": "redis-login",
            "remoteKey": "redis/nova",
            "keys": {"username": "user", "password": "pass", "ca.crt": "ca"},
        },
    }


def _governance() -> Manifest:
    return {
        "limitRange": {
            "enabled": True,
            "default": {"cpu": "600m", "memory": "2Gi", "ephemeral-storage": "3Gi"},
            "defaultRequest": {"cpu": "150m", "memory": "300Mi", "ephemeral-storage": "1Gi"},
            "max": {"cpu": 6, "memory": "48Gi", "ephemeral-storage": "20Gi"},
            "min": {"cpu": "20m", "memory": "96Mi", "ephemeral-storage": "256Mi"},
        },
        "resourceQuota": {
            "enabled": True,
            "hard": {"limits.cpu": 200, "limits.memory": "400Gi", "count/jobs.batch": "20"},
        },
    }


def _affinity() -> Manifest:
    term: Manifest = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"team": "nova"}},
        "namespaces": ["novacron"],
        "namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
        "matchLabelKeys": ["pod-template-hash"],
    }
    pods: Manifest = {
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": dict(term)}],
    }
    nodes = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
    fields = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}]}
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [nodes, fields]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "preference": dict(nodes)}],
        },
        "podAffinity": copy.deepcopy(pods),
        "podAntiAffinity": copy.deepcopy(pods),
    }


def _workload() -> Manifest:
    probe = {"path": "/live", "periodSeconds": 4, "timeoutSeconds": 2, "failureThreshold": 5}
    return {
        "enabled": True,
        "image": {"repository": "other.example.com/nova/cron", "tag": "v9", "digest": "sha256:" + "a1" * 32},
        "replicas": 4,
        "autoscaling": {
            "enabled": True,
            "minReplicas": 2,
            "maxReplicas": 8,
            "targetCPUUtilization": 60,
            "targetMemoryUtilization": 70,
            "requestsPerSecond": 50,
            "scaleUp": {"stabilizationWindowSeconds": 0, "percent": 100, "pods": 4, "periodSeconds": 30},
            "scaleDown": {"stabilizationWindowSeconds": 600, "percent": 10, "periodSeconds": 120},
        },
        "resources": {
            "requests": {"cpu": "250m", "memory": "300Mi", "ephemeral-storage": "600Mi"},
            "limits": {"cpu": 2, "memory": "1536Mi", "ephemeral-storage": "1.5Gi"},
        },
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 2},
        "probes": {"startup": dict(probe), "liveness": dict(probe), "readiness": dict(probe)},
        "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"example.com/lb": "internal"}},
        "ports": {"http": 8181, "metrics": 9191},
        "env": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "TZ", "value": "UTC"}],
        "podLabels": {"example.com/team": "nova", "tier": ""},
        "podAnnotations": {"example.com/note": "any text, really"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [
            {"key": "dedicated", "operator": "Equal", "value": "nova", "effect": "NoExecute", "tolerationSeconds": 60}
        ],
        "affinity": _affinity(),
        "priorityClassName": "high",
        "extraEgress": [
            {
                "ports": [{"protocol": "TCP", "port": 8000, "endPort": 8010}, {"port": "https"}],
                "to": [{"ipBlock": {"cidr": "10.9.0.0/16", "except": ["10.9.1.0/24"]}}, _peer()],
            }
        ],
        "terminationGracePeriodSeconds": 45,
        "uid": 10001,
    }


def _auth() -> Manifest:
    workload = _workload()
    workload["ports"]["internal"] = 8282
    return workload | {
        "forwardAuthNamespaces": ["gateways"],
        "jwt": {
            "issuer": "https://auth.example.com",
            "audience": "nova",
            "tokenTTL": "30m",
            "refreshTTL": "14d",
            "clockSkew": "0s",
            "maxTokenAge": "1d12h",
            "keyRotationInterval": "7d",
            "jwksMaxAge": "10m",
            "minKeySize": 3072,
        },
        "session": {"rotationInterval": "10m", "idleTimeout": "1h", "maxLifetime": "12h", "maxPerUser": 5},
        "rateLimit": {"requestsPerMinute": 300, "loginsPerMinute": 20, "trustedProxyCIDRs": ["10.30.0.0/16"]},
    }


def _ml() -> Manifest:
    workload = _workload()
    workload["resources"]["limits"]["memory"] = "24Gi"
    return workload | {
        "scratch": {"size": "6Gi"},
        "gpus": 1,
        "memory": {
            "maxMB": 20000,
            "chunkSize": 2000,
            "gcFrequency": 5,
            "warning": 0.7,
            "critical": 0.95,
            "rightSizing": {"enabled": True, "maxMemory": "40Gi"},
        },
    }
