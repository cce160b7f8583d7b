"""Configuration of the node's components, as data. Every unusual value says why it is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOCKET = "/run/containerd/containerd.sock"
PAUSE = "localhost/novacron-e2e/pause:1"
CLUSTER_DNS = "10.96.0.10"
NODE = "box"


def containerd(directory: Path, runc: Path, plugins: Path) -> str:
    """containerd 2's configuration (TOML; a JSON string is a TOML string)."""
    disabled = [
        "io.containerd.tracing.processor.v1.otlp",
        "io.containerd.internal.v1.tracing",
        "io.containerd.nri.v1.nri",
        *(f"io.containerd.snapshotter.v1.{name}" for name in ("erofs", "blockfile", "btrfs", "zfs", "devmapper")),
    ]
    runtime = "plugins.'io.containerd.cri.v1.runtime'"
    options = f"{runtime}.containerd.runtimes.runc"
    # restrict_oom_score_adj: without CAP_SYS_RESOURCE a lower score is refused, and with it every sandbox
    return f"""\
version = 3
root = {json.dumps(str(directory / "containerd"))}
state = "/run/containerd"
disabled_plugins = {json.dumps(disabled)}
[grpc]
address = "{SOCKET}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{PAUSE}"
[{runtime}]
restrict_oom_score_adj = true
[{runtime}.cni]
bin_dirs = [{json.dumps(str(plugins))}]
conf_dir = {json.dumps(str(directory / "cni"))}
[{runtime}.containerd]
default_runtime_name = "runc"
[{options}]
runtime_type = "io.containerd.runc.v2"
[{options}.options]
BinaryName = {json.dumps(str(runc))}
SystemdCgroup = false
"""


def network(pods: str) -> Mapping[str, Any]:
    """CNI: a point-to-point link a pod, so that traffic between pods is routed, and seen by the policies."""
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni/ipam",
        "ranges": [[{"subnet": pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {"type": "ptp", "ipMasq": False, "mtu": 1400, "ipam": ipam}
    return {"cniVersion": "1.0.0", "name": "box", "plugins": [plugin]}


def kubelet(directory: Path, address: str, cgroup: str, ca: Path, certificate: Path, key: Path) -> Mapping[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "oomScoreAdj": 0,  # no CAP_SYS_RESOURCE: lower ones are refused
        "failSwapOn": False,
        "podLogsDir": str(directory / "pod-logs"),
        "volumePluginDir": str(directory / "kubelet" / "volume-plugins"),
        "resolvConf": str(directory / "resolv.conf"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [CLUSTER_DNS],
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(ca)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "address": address,
        "healthzBindAddress": "127.0.0.1",
        "syncFrequency": "5s",  # how soon a changed Secret reaches the files of a pod
        "fileCheckFrequency": "0s",
        "httpCheckFrequency": "0s",
        "imageGCHighThresholdPercent": 100,  # images cannot be pulled again
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "maxPods": 110,
    }


def kube_proxy(kubeconfig: Path, pods: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": NODE,
        "mode": "nftables",
        "clusterCIDR": pods,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        # the box shares its kernel's limits with the machine, and may not raise them
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
