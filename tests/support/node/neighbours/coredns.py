"""CoreDNS: the cluster's names, and nothing of the world outside."""

from __future__ import annotations

from novacron.core.manifest import Manifest
from tests.support.node.neighbours import binaries, pods
from tests.support.node.neighbours.pods import Workload

NAME = "kube-dns"
NAMESPACE = "kube-system"
ACCOUNT = "coredns"
LABELS = {"k8s-app": "kube-dns"}
"""What every policy that lets DNS through selects."""
_CONFIG = "/etc/coredns"
_COREFILE = """\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods disabled
        ttl 5
    }
    cache 5
    loadbalance
    reload
}
# there is no outside: a name that is not the cluster's does not exist, and nobody waits for a resolver to say so
.:53 {
    errors
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
"""


def workload() -> Workload:
    return Workload(
        name=NAME,
        namespace=NAMESPACE,
        image=f"coredns:{binaries.COREDNS.version}",
        arguments=["-conf", f"{_CONFIG}/Corefile"],
        ready={"httpGet": {"path": "/ready", "port": "ready"}},
        ports={"dns-udp": 53, "dns": 53, "ready": 8181},
        files={_CONFIG: {"configMap": {"name": ACCOUNT}}},
        account=ACCOUNT,
        memory=96,
        labels=LABELS,
        pod={
            # policies name port 53 of the pod, so it cannot hide behind another one; this opens it without a capability
            "securityContext": pods.SECURITY
            | {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]},
            "dnsPolicy": "Default",
            "priorityClassName": "system-cluster-critical",
        },
    )


def manifests(cluster_ip: str) -> list[Manifest]:
    """Those of a resolver.

    Args:
        cluster_ip: the address that the kubelet gives to pods (clusterDNS).
    """
    rules = (
        pods.rule("", "services namespaces", "list watch"),
        pods.rule("discovery.k8s.io", "endpointslices", "list watch"),
    )
    service = pods.service(workload(), cluster_ip=cluster_ip)
    service["metadata"]["labels"] = LABELS
    return [
        pods.account(ACCOUNT, NAMESPACE),
        pods.cluster_role("neighbours:coredns", rules),
        pods.binding("neighbours:coredns", ACCOUNT, NAMESPACE),
        pods.settings(ACCOUNT, NAMESPACE, {"Corefile": _COREFILE}),
        pods.deployment(workload()),
        service,
    ]
