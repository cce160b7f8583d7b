"""The External Secrets controller, with the rights that NovaCron's stores and secrets need, and no webhook."""

from __future__ import annotations

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import binaries, pods
from tests.support.node.neighbours.access import NAMESPACE
from tests.support.node.neighbours.pods import Workload

NAME = "external-secrets"
_GROUP = "external-secrets.io"
_OFF = ("cluster-store", "cluster-external-secret", "cluster-push-secret", "push-secret")
"""Reconcilers of kinds that NovaCron does not use, whose CRDs are not installed."""

RULES = (
    pods.rule(_GROUP, "secretstores externalsecrets", "get list watch"),
    pods.rule(_GROUP, "externalsecrets", "update patch"),
    pods.rule(_GROUP, "secretstores/status externalsecrets/status", "update patch"),
    # a Secret's owner blocks its deletion, which OwnerReferencesPermissionEnforcement asks this right for
    pods.rule(_GROUP, "externalsecrets/finalizers", "update"),
    # its reconciler cannot be switched off
    pods.rule("generators.external-secrets.io", "generatorstates", "get list watch"),
    pods.rule("", "secrets", "get list watch create update patch delete"),
    # the login to the store with the token of NovaCron's service account. It was seen to look that up as well, after a
    # start while stores went: without the right it waits for ever, and validates no store any more
    pods.rule("", "serviceaccounts/token", "create"),
    pods.rule("", "serviceaccounts", "get list watch"),
    pods.rule("", "events", "create patch"),
)


def workload() -> Workload:
    return Workload(
        name=NAME,
        namespace=NAMESPACE,
        image=f"{NAME}:{binaries.EXTERNAL_SECRETS.version}",
        arguments=[
            *(f"--enable-{kind}-reconciler=false" for kind in _OFF),
            # a store that was away is seen again within seconds
            "--store-requeue-interval=5s",
            "--concurrent=4",
        ],
        ready={"httpGet": {"path": "/healthz", "port": "health"}},
        ports={"health": 8082},
        account=NAME,
        cpu="20m",
        memory=384,
    )


def manifests() -> list[Manifest]:
    return [
        pods.account(NAME, NAMESPACE),
        pods.cluster_role("neighbours:external-secrets", RULES),
        pods.binding("neighbours:external-secrets", NAME, NAMESPACE),
        pods.deployment(workload()),
    ]
