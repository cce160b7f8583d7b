"""Labels, annotations and field managers: a contract with selectors that can never change."""

from __future__ import annotations

GROUP = "novacron.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "NovaCron"
PLURAL = "novacrons"

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
APP_VERSION = "app.kubernetes.io/version"
MANAGER = "novacron-operator"
STACK = "stack"

PAUSED = f"{GROUP}/paused"
ROTATE_SIGNING_KEY = f"{GROUP}/rotate-signing-key"
SYNC_REQUESTED = f"{GROUP}/sync-requested"
CONFIG_CHECKSUM = f"{GROUP}/config-checksum"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

FIELD_MANAGER = "novacron"
HANDOVER_MANAGER = "novacron-handover"
LEASE = "novacron-operator"
OPERATOR_NAMESPACE = "novacron-system"

OWNED_SELECTOR = f"{MANAGED_BY}={MANAGER}"


def selector(instance: str, component: str) -> dict[str, str]:
    """What selects the pods of one component; immutable in a Deployment, hence for ever."""
    return {COMPONENT: component, INSTANCE: instance}


def pod(instance: str, component: str) -> dict[str, str]:
    """Labels of a pod template: without the version, which would restart pods that did not change."""
    return {NAME: "novacron", MANAGED_BY: MANAGER, PART_OF: "novacron"} | selector(instance, component)


def child(instance: str, component: str, version: str) -> dict[str, str]:
    """Labels of an object that the operator owns."""
    return pod(instance, component) | {APP_VERSION: version}


def owned(instance: str) -> str:
    """Label selector of everything that the operator made for one resource."""
    return f"{OWNED_SELECTOR},{INSTANCE}={instance}"


def pods_of(instance: str, component: str) -> str:
    """Label selector of the pods of one component."""
    return ",".join(f"{key}={value}" for key, value in selector(instance, component).items())
