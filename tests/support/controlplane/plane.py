"""One control plane in one directory: its components, its certificates, its ways in."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.support.controlplane import binaries, pki, process
from tests.support.controlplane.pki import Authority
from tests.support.controlplane.process import Identity, Site, UpAndDown
from tests.support.controlplane.progress import say
from tests.support.ports import free_port

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
STORAGE = ("etcd", "kube-apiserver")
"""Enough for a bench that measures writes."""
_TEMPORARY = "novacron-controlplane-"
_READY_SECONDS = 60.0


class KubectlError(Exception):
    """kubectl said no; the text is what it printed."""


class ControlPlane(UpAndDown):
    """Starts on entering, stops on leaving.

    Args:
        directory: keeps everything; a temporary one, removed at the end, where none is given.
        components: which of COMPONENTS run.
        nodes: how many simulated nodes.
        detached: whether it goes on when this process ends.
        site: where the components run.
    """

    def __init__(
        self,
        directory: Path | None = None,
        components: Sequence[str] = COMPONENTS,
        nodes: int = 3,
        *,
        detached: bool = False,
        site: Site | None = None,
    ) -> None:
        self._site = site or Site()
        self._temporary = directory is None
        if directory is None:
            _remove_abandoned()
            directory = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
            (directory / "owner").write_text(json.dumps(asdict(process.identify(os.getpid()))))
        self.directory = directory
        self._components = components
        self._nodes = nodes if "kwok" in components else 0
        self._detached = detached
        self._borrowed = False
        self._ports: dict[str, int] = {}
        self._running: dict[str, Identity] = {}
        self.kubeconfig = directory / "kubeconfig"

    # A way in

    @property
    def url(self) -> str:
        return f"https://{self._site.address}:{self._ports['kube-apiserver']}"

    @property
    def authority(self) -> Authority:
        """Signs whom the API server trusts."""
        return self._authority

    @property
    def ca_path(self) -> Path:
        return self._authority.certificate

    @property
    def server_version(self) -> tuple[int, int]:
        found = json.loads(self.kubectl("version", "-o", "json"))["serverVersion"]
        return int(found["major"]), int(found["minor"])

    def kubeconfig_for(self, user: str, group: str = "") -> Path:
        """A kubeconfig that proves a user by client certificate."""
        certificate, key = self._authority.client(user, group)
        path = certificate.with_suffix(".kubeconfig")
        user_entry = {"client-certificate": str(certificate), "client-key": str(key)}
        return pki.kubeconfig(path, self.url, self.ca_path, user_entry)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a token of an existing service account, valid for a day."""
        token = self.kubectl("create", "token", "-n", namespace, name, "--duration", "24h").strip()
        path = self.directory / f"account-{namespace}-{name}.kubeconfig"
        return pki.kubeconfig(path, self.url, self.ca_path, {"token": token})

    def binary(self, name: str) -> Path:
        return binaries.directory() / name

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - subprocess' own word
        """What kubectl prints, as the administrator; raises ``KubectlError`` with its stderr."""
        done = subprocess.run(
            [str(binaries.directory() / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise KubectlError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def wait_for_crd(self, name: str) -> None:
        """Until a CustomResourceDefinition is served; `kubectl wait` stumbles over one that has no conditions yet."""

        def established() -> bool:
            status = json.loads(self.kubectl("get", "crd", name, "-o", "json")).get("status", {})
            found = {item["type"]: item["status"] for item in status.get("conditions") or ()}
            return found.get("Established") == "True"

        alive = self._running["kube-apiserver"].alive
        process.until(established, _READY_SECONDS, alive, f"CRD {name}", self.directory / "kube-apiserver.log")

    # Life

    def up(self) -> None:
        """Starts everything, or finds it running; a leftover that does not answer is stopped first."""
        self.directory.mkdir(parents=True, exist_ok=True)
        binaries.directory()
        if self._resumed():
            self._borrowed = True
            say(f"reusing the control plane in {self.directory.name}")
            return
        started = time.monotonic()
        self._clear()
        self._authority = Authority(self.directory / "pki")
        self._keys = pki.service_account_keys(self.directory / "pki")
        self._ports = {name: free_port() for name in ("etcd", "etcd-peer", "kube-apiserver", "kwok")}
        certificate, key = self._authority.client("admin", "system:masters")
        admin = {"client-certificate": str(certificate), "client-key": str(key)}
        pki.kubeconfig(self.kubeconfig, self.url, self.ca_path, admin)
        for name in COMPONENTS:
            if name in self._components:
                self.start(name)
        if self._nodes:
            self._create_nodes()
        say(f"control plane ready after {time.monotonic() - started:.1f} s: {', '.join(self._components)}")

    def down(self) -> None:
        """Stops everything, the writers first; but not what somebody else had started."""
        if self._borrowed:
            self._borrowed = False
            self._running.clear()
            return
        # nothing of it is kept, so nobody waits for a long farewell of the API server
        process.stop([self._running[name] for name in reversed(COMPONENTS) if name in self._running], seconds=2.0)
        self._running.clear()
        (self.directory / "state.json").unlink(missing_ok=True)
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def forget(self) -> None:
        """Stops what an earlier process started in this directory."""
        self._resumed()
        self.down()

    def start(self, name: str) -> None:
        """Starts one component on its own port and data, and waits until it is ready."""
        log = self.directory / f"{name}.log"
        arguments = getattr(self, "_" + name.replace("-", "_"))()
        command = [*self._site.enter, str(binaries.directory() / name), *arguments, *self._site.flags.get(name, ())]
        running = process.start(command, log, detached=self._detached)
        identity = self._running[name] = process.identify(running.pid)
        self._remember()
        process.until(lambda: self._is_ready(name), _READY_SECONDS, identity.alive, name, log)

    def stop(self, name: str) -> None:
        process.stop([self._running.pop(name)])
        self._remember()

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def _resumed(self) -> bool:
        """Takes over what an earlier process left running, if all of it answers."""
        file = self.directory / "state.json"
        if not file.exists():
            return False
        state = json.loads(file.read_text())
        self._ports = state["ports"]
        self._running = {name: Identity(**fields) for name, fields in state["running"].items()}
        self._authority = Authority(self.directory / "pki")
        self._keys = pki.service_account_keys(self.directory / "pki")
        complete = set(self._components) == set(self._running)
        return complete and all(identity.alive() and self._is_ready(name) for name, identity in self._running.items())

    def _clear(self) -> None:
        if self._running:
            say(f"stopping what an earlier run left: {', '.join(self._running)}")
            process.stop(list(self._running.values()))
            self._running.clear()
        for name in ("etcd", "pki"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for log in self.directory.glob("*.log"):
            log.unlink()

    def _remember(self) -> None:
        running = {name: asdict(identity) for name, identity in self._running.items()}
        file = self.directory / "state.json"
        file.with_suffix(".new").write_text(json.dumps({"ports": self._ports, "running": running}))
        file.with_suffix(".new").rename(file)

    def running(self) -> Collection[str]:
        return [name for name, identity in self._running.items() if identity.alive()]

    # Components

    def _is_ready(self, name: str) -> bool:
        if name == "etcd":
            return _answers(f"http://{self._site.address}:{self._ports['etcd']}/health", None)
        if name == "kube-apiserver":
            certificate, key = self._authority.client("probe", "system:masters")
            context = ssl.create_default_context(cafile=str(self.ca_path))
            context.load_cert_chain(certificate, key)
            return _answers(f"{self.url}/readyz", context)
        return True

    def _etcd(self) -> list[str]:
        client, peer = (f"http://{self._site.address}:{self._ports[name]}" for name in ("etcd", "etcd-peer"))
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _kube_apiserver(self) -> list[str]:
        service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")
        certificate, key = self._authority.server("server", self._site.address, "localhost", *service)
        private, public = self._keys
        return [
            f"--etcd-servers=http://{self._site.address}:{self._ports['etcd']}",
            f"--secure-port={self._ports['kube-apiserver']}",
            f"--bind-address={self._site.address}",
            f"--advertise-address={self._site.address}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca_path}",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={private}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--shutdown-delay-duration=0s",
        ]

    def _kube_controller_manager(self) -> list[str]:
        private, _public = self._keys
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={private}",
            f"--root-ca-file={self.ca_path}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            "--horizontal-pod-autoscaler-sync-period=2s",
            "--node-monitor-period=2s",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]

    def _kube_scheduler(self) -> list[str]:
        return [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0"]

    def _kwok(self) -> list[str]:
        stages = sorted((binaries.directory() / "stages").glob("*.yaml"))
        return [
            f"--kubeconfig={self.kubeconfig}",
            *(f"--config={stage}" for stage in stages),
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{self._ports['kwok']}",
        ]

    def _create_nodes(self) -> None:
        nodes = [_node(number) for number in range(self._nodes)]
        self.kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
        log = self.directory / "kwok.log"
        process.until(self._nodes_ready, _READY_SECONDS, self._running["kwok"].alive, "kwok", log)

    def _nodes_ready(self) -> bool:
        path = "{range .items[*]}{.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}"
        found = self.kubectl("get", "nodes", "-o", f"jsonpath={path}").split()
        return found == ["True"] * self._nodes


def _node(number: int) -> dict[str, Any]:
    """64 cpu, 256Gi and the usual labels."""
    name = f"node-{number}"
    capacity = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "2Ti"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node-role.kubernetes.io/worker": "",
                "topology.kubernetes.io/region": "test",
                "topology.kubernetes.io/zone": "abc"[number % 3],
            },
        },
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def _answers(url: str, context: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _remove_abandoned() -> None:
    """Directories of runs whose process is gone; the kernel has killed their components."""
    for left in Path(tempfile.gettempdir()).glob(_TEMPORARY + "*"):
        try:
            owner = Identity(**json.loads((left / "owner").read_text()))
        except (OSError, ValueError):
            continue
        if not owner.alive():
            state = left / "state.json"
            if state.exists():
                running = json.loads(state.read_text())["running"]
                process.stop([Identity(**fields) for fields in running.values()])
            shutil.rmtree(left, ignore_errors=True)
