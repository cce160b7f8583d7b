"""A control plane and one real node in a box: pods run, are probed, limited, killed and reached."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support import netpol
from tests.support.controlplane import process
from tests.support.controlplane.pki import Authority
from tests.support.controlplane.plane import STORAGE, ControlPlane, KubectlError
from tests.support.controlplane.process import Identity, Site, UpAndDown
from tests.support.controlplane.progress import say
from tests.support.netpol import state as policy_state
from tests.support.node import audit, binaries, configuration
from tests.support.node.audit import AuditLog
from tests.support.node.box import ROOT, Box

_COMPONENTS = (*STORAGE, "kube-controller-manager", "kube-scheduler")
_OPERATOR = "system:serviceaccount:novacron-system:novacron-operator"
_TEMPORARY = "novacron-node-"
_READY_SECONDS = 60.0


class RealNode(UpAndDown):
    """Starts on entering, is gone on leaving.

    Args:
        directory: keeps everything; a temporary one, removed at the end, where none is given.
        detached: whether it goes on when this process ends.
    """

    def __init__(self, directory: Path | None = None, *, detached: bool = False) -> None:
        scratch = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        self._detached = detached
        self.box = Box(self.directory, detached=detached, scratch=scratch)
        self._plane: ControlPlane | None = None
        self._running: dict[str, Identity] = {}

    @property
    def plane(self) -> ControlPlane:
        assert self._plane is not None, "the node is not up"
        return self._plane

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - subprocess' own word
        return self.plane.kubectl(*arguments, input=input)

    def up(self) -> None:
        """Starts everything and waits until the node is Ready."""
        self.directory.mkdir(parents=True, exist_ok=True)
        programs = binaries.directory()
        pause = binaries.pause_image()
        started = time.monotonic()
        resumed = self.box.resume()
        if not resumed:
            self._clear()
            self.box.up()
        self._plane = ControlPlane(
            self.directory / "plane", _COMPONENTS, nodes=0, detached=self._detached, site=self._site()
        )
        self._plane.up()
        if resumed:
            return
        self._start_runtime(programs)
        self.load(pause)
        self._start_node(programs)
        say(f"node ready after {time.monotonic() - started:.1f} s")

    def down(self) -> None:
        """One kill; then nothing of it is left on the machine."""
        if self._plane is not None:
            self._plane.down()
            self._plane = None
        self.box.down()
        self._running.clear()

    def forget(self) -> None:
        """Stops what an earlier process started in this directory."""
        if self.box.resume():
            ControlPlane(self.directory / "plane", _COMPONENTS, nodes=0, detached=True, site=self._site()).forget()
        self.down()

    def _clear(self) -> None:
        """Away with what an earlier run left in the directory: a node of another box."""
        for left in self.directory.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()

    def load(self, archive: Path) -> None:
        """Gives an OCI archive to the container runtime; there is no registry."""
        self._images("import", "--local", "--digests=false", str(archive))

    def tag(self, image: str, name: str) -> None:
        """Another name for an image that the runtime has."""
        self._images("tag", "--force", image, name)

    def _images(self, *arguments: str) -> None:
        ctr = str(binaries.directory().runtime / "ctr")
        self.box.run(ctr, "--address", configuration.SOCKET, "--namespace", "k8s.io", "images", *arguments)

    @property
    def policies(self) -> Path:
        """Which network policies are in force, as their engine says: see ``tests.support.netpol.state``."""
        return self.directory / "netpol-state.json"

    @property
    def audit(self) -> AuditLog:
        """What the operator's account has asked for."""
        return AuditLog(self.directory / "audit.log")

    @property
    def kubelet_authority(self) -> Path:
        """Signs the kubelet's certificate."""
        return self._authority("nodes").certificate

    def _site(self) -> Site:
        """Flags by which API server and kubelet trust each other, and an aggregated API server the first."""
        nodes = self._authority("nodes")
        front = self._authority("front-proxy")
        reader, reader_key = nodes.client("kube-apiserver-kubelet-client", "system:masters")
        proxy, proxy_key = front.client("front-proxy-client")
        audited = self._written("audit-policy.json", json.dumps(audit.policy(_OPERATOR)))
        return Site(
            self.box.addresses.node,
            self.box.enter(processes=False),
            {
                "kube-apiserver": (
                    f"--kubelet-client-certificate={reader}",
                    f"--kubelet-client-key={reader_key}",
                    f"--kubelet-certificate-authority={nodes.certificate}",
                    "--kubelet-preferred-address-types=InternalIP",
                    "--enable-admission-plugins=OwnerReferencesPermissionEnforcement,NodeRestriction",
                    f"--requestheader-client-ca-file={front.certificate}",
                    "--requestheader-allowed-names=front-proxy-client",
                    "--requestheader-username-headers=X-Remote-User",
                    "--requestheader-group-headers=X-Remote-Group",
                    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                    f"--proxy-client-cert-file={proxy}",
                    f"--proxy-client-key-file={proxy_key}",
                    f"--audit-policy-file={audited}",
                    f"--audit-log-path={self.directory / 'audit.log'}",
                ),
                # a pod counts for the autoscaler sooner than after the usual five minutes
                "kube-controller-manager": (
                    "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
                    "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
                ),
            },
        )

    def _authority(self, name: str) -> Authority:
        return Authority(self.directory / "pki" / name)

    def _start_runtime(self, programs: binaries.Programs) -> None:
        file = self._written("containerd.toml", configuration.containerd(self.directory, programs.runc, programs.cni))
        (self.directory / "cni").mkdir(exist_ok=True)
        self._written("cni/10-box.conflist", json.dumps(configuration.network(self.box.addresses.pods)))
        command = ("env", *programs.environment, str(programs.runtime / "containerd"), "--config", str(file))
        self._start("containerd", command)
        self._until("containerd", lambda: self.box_has(configuration.SOCKET))

    def box_has(self, path: str) -> bool:
        """Whether a path exists inside."""
        with contextlib.suppress(process.StartError):
            self.box.run("test", "-e", path)
            return True
        return False

    def _start_node(self, programs: binaries.Programs) -> None:
        nodes = self._authority("nodes")
        certificate, key = nodes.server("kubelet", configuration.NODE, self.box.addresses.node)
        self._written("resolv.conf", "")
        (self.directory / "pod-logs").mkdir(exist_ok=True)
        settings = configuration.kubelet(
            self.directory, self.box.addresses.node, self.box.cgroup, nodes.certificate, certificate, key
        )
        file = self._written("kubelet.json", json.dumps(settings))
        self._start(
            "kubelet",
            (
                "env",
                *programs.environment,
                str(programs.node / "kubelet"),
                f"--config={file}",
                f"--kubeconfig={self._identity(f'system:node:{configuration.NODE}', 'system:nodes')}",
                f"--root-dir={self.directory / 'kubelet'}",
                f"--cert-dir={self.directory / 'kubelet' / 'pki'}",
                f"--hostname-override={configuration.NODE}",
                f"--node-ip={self.box.addresses.node}",
            ),
        )
        proxy = configuration.kube_proxy(self._identity("system:kube-proxy"), self.box.addresses.pods)
        file = self._written("kube-proxy.json", json.dumps(proxy))
        self._start("kube-proxy", ("env", *programs.environment, str(programs.node / "kube-proxy"), f"--config={file}"))
        self._until("kubelet", self._is_ready)
        self._start(
            "netpol",
            (
                "env",
                f"PYTHONPATH={ROOT}",
                *programs.environment,
                sys.executable,
                "-m",
                netpol.__name__,
                f"--kubeconfig={self._identity('netpol', 'system:masters')}",
                f"--state={self.policies}",
                f"--pod-cidr={self.box.addresses.pods}",
            ),
        )
        self._until("netpol", lambda: policy_state.read(self.policies) is not None)
        # pods of a namespace wait for its account; the first one is made a moment after the namespace
        self._until("kube-controller-manager", lambda: self._exists("serviceaccount", "default"))

    def _identity(self, user: str, group: str = "") -> Path:
        return self.plane.kubeconfig_for(user, group)

    def _is_ready(self) -> bool:
        path = "{.items[*].status.conditions[?(@.type=='Ready')].status}"
        return self.kubectl("get", "nodes", "-o", f"jsonpath={path}").strip() == "True"

    def _exists(self, kind: str, name: str) -> bool:
        with contextlib.suppress(KubectlError):
            self.kubectl("get", kind, name)
            return True
        return False

    def _start(self, name: str, command: tuple[str, ...]) -> None:
        self._running[name] = self.box.spawn(*command, log=f"{name}.log")

    def _until(self, name: str, ready: Any) -> None:
        log = self.directory / f"{name}.log"
        alive = self._running[name].alive if name in self._running else self.box.alive
        process.until(ready, _READY_SECONDS, alive, name, log)

    def _written(self, name: str, content: str) -> Path:
        file = self.directory / name
        file.write_text(content)
        return file
