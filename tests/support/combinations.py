"""Combinations of options for the judges of manifests: every pair of options occurs in one of them.

None of these options switches a protection off; those that do are listed with their findings where they are judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from novacron.api.v1alpha1 import validate
from novacron.core.capabilities import Capabilities
from novacron.stack.desired import wanted
from tests.support import resources
from tests.support.resources import Manifest

Changes = dict[str, Any]
Combination = tuple[tuple[str, str], ...]
"""For each option the chosen value, by their names."""

ROLES = ("api", "auth", "query", "ml")
PINNED: Changes = {f"spec.{role}.image.digest": "sha256:" + "a1" * 32 for role in ROLES}
_SCALED = ("api", "auth", "query")
_HOST = ["a.example.com"]
_SECRET_FILES = {name: name for name in ("username", "password", "ca.crt", "tls.crt", "tls.key")}
_REDIS_FILES = {name: name for name in ("username", "password", "ca.crt")}
_PEER = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
    "podSelector": {"matchLabels": {"role": "primary"}},
}
_BOUNDS = {
    "default": {"cpu": "600m", "memory": "2Gi", "ephemeral-storage": "3Gi"},
    "max": {"cpu": 8, "memory": "64Gi", "ephemeral-storage": "30Gi"},
    "min": {"cpu": "20m", "memory": "96Mi", "ephemeral-storage": "256Mi"},
}

OPTIONS: dict[str, dict[str, Changes]] = {
    "exposure": {
        "none": {},
        "gateway": {"spec.exposure": {"type": "Gateway", "hosts": _HOST, "gateway": {"name": "g", "namespace": "gw"}}},
        "listener": {
            "spec.exposure": {
                "type": "Gateway",
                "hosts": _HOST,
                "gateway": {"name": "g", "namespace": "gw", "sectionName": "https"},
            }
        },
        "issued": {
            "spec.exposure": {
                "type": "Ingress",
                "hosts": _HOST,
                "ingress": {"className": "public"},
                "tls": {"issuer": "letsencrypt"},
            },
            "spec.networkPolicy.gatewayNamespaces": ["in"],
        },
        "certified": {
            "spec.exposure": {
                "type": "Ingress",
                "hosts": [*_HOST, "*.example.org"],
                "ingress": {"className": "public", "annotations": {"example.com/limit": "9"}},
                "tls": {"secretName": "api-tls"},
            },
            "spec.networkPolicy.gatewayNamespaces": ["in"],
        },
    },
    "security": {
        "portable": {},
        "on": {
            "spec.security": {"appArmor": "RuntimeDefault", "userNamespaces": True, "strictSupplementalGroups": True}
        },
    },
    "autoscaling": {
        "on": {},
        "off": {f"spec.{role}.autoscaling.enabled": False for role in _SCALED},
        "everywhere": {f"spec.{role}.autoscaling": {"enabled": True, "requestsPerSecond": 9} for role in ROLES},
    },
    "ml": {
        "plain": {},
        "gpus": {"spec.ml.gpus": 2, "spec.ml.scratch.size": "20Gi"},
        "right-sizing": {"spec.ml.memory.rightSizing": {"enabled": True, "maxMemory": "48Gi"}},
        "off": {"spec.ml.enabled": False},
    },
    "workloads": {
        "all": {},
        "api and query": {"spec.auth.enabled": False},
        "api and auth": {"spec.query.enabled": False},
    },
    "secrets": {
        "vault": {},
        "existing": {"spec.secrets": {"provider": "Existing"}},
        "own logins": {
            "spec.secrets.databaseUsers": {
                user: {"secretName": f"db-{user}", "remoteKey": f"database/{user}", "keys": _SECRET_FILES}
                for user in ("migrate", "auth", "query")
            },
            "spec.secrets.redis.keys": _REDIS_FILES,
        },
    },
    "service": {
        "inside": {},
        "outside": {"spec.api.service": {"type": "LoadBalancer", "port": 443, "annotations": {"example.com/lb": "x"}}},
    },
    "image": {
        "tag": {},
        "private": {"spec.image": {"registry": "r.example.com", "pullSecrets": [{"name": "login"}]}},
        "pinned": {**PINNED, "spec.image.pullPolicy": "Always"},
    },
    "neighbours": {
        "unnamed": {},
        "addresses": {"spec.database.cidrs": ["10.0.0.0/24"], "spec.redis.cidrs": ["10.1.0.0/24"]},
        "pods": {
            "spec.database.peers": [_PEER],
            "spec.redis.peers": [_PEER],
            "spec.api.extraEgress": [{"to": [_PEER]}],
        },
    },
    "bounds": {
        "computed": {},
        "given": {"spec.governance.limitRange": _BOUNDS, "spec.governance.resourceQuota.hard": {"limits.cpu": 400}},
    },
    "pods": {
        "plain": {},
        "placed": {
            "spec.api.nodeSelector": {"disk": "ssd"},
            "spec.api.tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
            "spec.query.priorityClassName": "high",
            "spec.query.terminationGracePeriodSeconds": 5,
        },
        "labelled": {
            "spec.api.env": [{"name": "LOG_LEVEL", "value": "debug"}],
            "spec.api.podLabels": {"example.com/team": "nova"},
            "spec.api.podAnnotations": {"example.com/note": "text"},
            "spec.serviceAccount.annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/novacron"},
            "spec.query.uid": 10001,
            "spec.query.ports": {"http": 8181, "metrics": 9191},
        },
    },
    "monitoring": {
        "all": {},
        "none": {
            f"spec.monitoring.{part}.enabled": False for part in ("serviceMonitor", "prometheusRule", "dashboards")
        },
    },
    "environment": {"production": {}, "staging": {"spec.environment": "staging", "spec.database.sslMode": "require"}},
}


def _pairs(combination: Combination) -> set[frozenset[tuple[str, str]]]:
    return {frozenset(pair) for pair in itertools.combinations(combination, 2)}


def every_pair(options: Mapping[str, Mapping[str, Any]]) -> set[frozenset[tuple[str, str]]]:
    """Each value of each option with each value of each other one."""
    return {
        frozenset(((first, one), (second, other)))
        for first, second in itertools.combinations(options, 2)
        for one, other in itertools.product(options[first], options[second])
    }


def covering(options: Mapping[str, Sequence[str] | Mapping[str, Any]]) -> Iterator[Combination]:
    """Combinations that hold every pair; the first is that of all first values. The same at every call.

    Each begins with a pair that is still missing, and takes for every further option the value that adds most.
    """
    missing = every_pair({option: dict.fromkeys(values) for option, values in options.items()})
    chosen = {option: next(iter(values)) for option, values in options.items()}
    while True:
        combination = tuple((option, chosen[option]) for option in options)
        missing -= _pairs(combination)
        yield combination
        if not missing:
            return
        chosen = dict(min(missing, key=sorted))
        for option in options:
            if option not in chosen:
                chosen[option] = max(
                    options[option], key=lambda value: len(missing & _new_pairs(chosen, option, value))
                )


def _new_pairs(chosen: Mapping[str, str], option: str, value: str) -> set[frozenset[tuple[str, str]]]:
    return {frozenset(((option, value), other)) for other in chosen.items()}


def resource(combination: Combination, namespace: str) -> Manifest:
    """The smallest valid resource with the options of a combination."""
    changes = {path: value for option, name in combination for path, value in OPTIONS[option][name].items()}
    return resources.changed(resources.minimal(namespace=namespace), changes)


def children(body: Manifest, server: tuple[int, int] = (1, 36)) -> list[Manifest]:
    """What the operator would apply where every neighbour is there."""
    body = {**body, "metadata": {**body["metadata"], "uid": "00000000-0000-0000-0000-000000000000"}}
    return list(wanted(validate(body), Capabilities(server, custom_metrics=True)).manifests)
