"""metrics-server: what HorizontalPodAutoscalers read; with certificates verified on all sides."""

from __future__ import annotations

from base64 import b64encode

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import binaries, pods
from tests.support.node.neighbours.access import Access
from tests.support.node.neighbours.pods import Workload

NAME = "metrics-server"
NAMESPACE = "kube-system"
API = "v1beta1.metrics.k8s.io"
_TLS, _KUBELETS, _SPACE = "/etc/tls", "/etc/kubelets", "/tmp"


def workload() -> Workload:
    return Workload(
        name=NAME,
        namespace=NAMESPACE,
        image=f"{NAME}:{binaries.METRICS_SERVER.version}",
        arguments=[
            "--secure-port=10250",
            f"--tls-cert-file={_TLS}/tls.crt",
            f"--tls-private-key-file={_TLS}/tls.key",
            f"--kubelet-certificate-authority={_KUBELETS}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            "--metric-resolution=10s",  # the least it takes
            "--kubelet-request-timeout=5s",  # less than that
        ],
        ready={"httpGet": {"path": "/readyz", "port": "https", "scheme": "HTTPS"}},
        ports={"https": 10250},
        files={
            _TLS: {"secret": {"secretName": f"{NAME}-tls", "defaultMode": 0o440}},
            _KUBELETS: {"configMap": {"name": f"{NAME}-kubelets"}},
        },
        spaces={_SPACE: "16Mi"},
        account=NAME,
        cpu="20m",
        memory=128,
        pod={"priorityClassName": "system-cluster-critical"},
    )


def manifests(access: Access, kubelets: str) -> list[Manifest]:
    """Those of one that trusts an authority of kubelets (PEM)."""
    certificate = access.certificates[NAME]
    rules = (
        pods.rule("", "nodes/metrics", "get"),
        pods.rule("", "pods nodes", "get list watch"),
    )
    return [
        pods.account(NAME, NAMESPACE),
        pods.cluster_role("neighbours:metrics-server", rules),
        pods.binding("neighbours:metrics-server", NAME, NAMESPACE),
        pods.binding("system:auth-delegator", NAME, NAMESPACE),
        pods.namespaced_binding("extension-apiserver-authentication-reader", NAME, NAMESPACE),
        pods.settings(f"{NAME}-kubelets", NAMESPACE, {"ca.crt": kubelets}),
        pods.secret(f"{NAME}-tls", NAMESPACE, {"tls.crt": certificate.chain, "tls.key": certificate.key}),
        pods.deployment(workload()),
        pods.service(workload(), ports={"https": 443}),
        _registration(access),
    ]


def _registration(access: Access) -> Manifest:
    group, version = "metrics.k8s.io", "v1beta1"
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": API},
        "spec": {
            "group": group,
            "version": version,
            "service": {"name": NAME, "namespace": NAMESPACE, "port": 443},
            "caBundle": b64encode(access.authority.encode()).decode(),
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
