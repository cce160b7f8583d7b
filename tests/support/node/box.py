"""The box: own network, mount, process, host name and IPC namespaces that end with one kill and leave nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.controlplane import process
from tests.support.controlplane.process import Identity, StartError
from tests.support.node import janitor

ROOT = Path(__file__).parents[3]
_INIT = """
import os, signal
signal.signal(signal.SIGCHLD, lambda *_: None)
while True:
    try:
        os.wait()
    except ChildProcessError:
        signal.pause()
"""
"""Process 1 of the box does nothing but reap orphans; the kernel kills all others with it."""
SERVICES = "10.96.0.0/16"
_PRIVATE = ("/run", "/var/log", "/var/lib/cni", "/mnt")
_SYSCTLS = {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.rp_filter": "0"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of one of sixteen boxes that may be up at once: 10.77.0.0/16 is shared out among them."""

    slot: int

    @property
    def outside(self) -> str:
        """This machine's, on the link to the box."""
        return f"10.77.{16 * self.slot + 1}.1"

    @property
    def node(self) -> str:
        return f"10.77.{16 * self.slot + 1}.2"

    @property
    def pods(self) -> str:
        return f"10.77.{16 * self.slot}.0/24"

    def gateway(self, number: int) -> str:
        """The node's address towards a host that plays the outside."""
        return f"10.77.{16 * self.slot + 2}.{number + 1}"


class Box:
    """Args:
    directory: keeps the state file; components put their logs and data there too.
    detached: whether it outlives this process; else the kernel ends it with this process, however that ends.
    scratch: whether the janitor removes the directory after the end.
    """

    def __init__(self, directory: Path, *, detached: bool, scratch: bool) -> None:
        self.directory = directory
        self._detached = detached
        self._scratch = scratch
        self._init: Identity | None = None
        self._janitor: Identity | None = None
        self.addresses = Addresses(0)

    @property
    def name(self) -> str:
        """Of its cgroups, and of its interface outside."""
        assert self._init is not None, "the box is not up"
        return f"novabox{self._init.pid % 10**7}"

    @property
    def cgroup(self) -> str:
        return f"/{self.name}"

    def enter(self, *, processes: bool) -> tuple[str, ...]:
        """The command that runs another one inside.

        Args:
            processes: whether it joins the process namespace too: then it is seen by, and ends with, the others there.
        """
        assert self._init is not None, "the box is not up"
        common = ("nsenter", "--target", str(self._init.pid), "--net", "--mount", "--uts", "--ipc")
        return (*common, "--pid", "--") if processes else (*common, "--")

    def run(self, *command: str, input: str | None = None) -> str:  # noqa: A002 - subprocess' own word
        """Output of a command inside.

        Raises:
            StartError: with its words, when it fails.
        """
        return _run((*self.enter(processes=True), *command), input)

    def spawn(self, *command: str, log: str) -> Identity:
        """Starts a command inside that ends with the box; its output goes to a log of the directory."""
        running = process.start((*self.enter(processes=True), *command), self.directory / log, detached=self._detached)
        return process.identify(running.pid)

    def alive(self) -> bool:
        return self._init is not None and self._init.alive()

    def up(self) -> None:
        """Makes the namespaces, their link to this machine, and the cgroups.

        Raises:
            StartError: not root, an address is taken, or a step failed.
        """
        if os.geteuid() != 0:
            raise StartError("a real node needs root: run as root, or use simulated nodes (without NODE=real)")
        self.addresses = _free_addresses()
        self._init = self._namespaces()
        self._janitor = self._watched()
        self._remember()
        self._mounts()
        self._network()
        self._cgroups()

    def down(self) -> None:
        """One kill; returns when the janitor has removed what stayed outside."""
        if self._init is not None:
            self._init.kill(signal.SIGKILL)
        if self._janitor is not None:
            process.until(
                lambda: not self._gone(), 30.0, lambda: True, "the node's janitor", self.directory / "janitor.log"
            )
        self._init = self._janitor = None
        (self.directory / "box.json").unlink(missing_ok=True)

    def resume(self) -> bool:
        """Takes over a box that an earlier process left running."""
        file = self.directory / "box.json"
        if not file.exists():
            return False
        state = json.loads(file.read_text())
        self._init, self._janitor = Identity(**state["init"]), Identity(**state["janitor"])
        self.addresses = Addresses(state["slot"])
        return self._init.alive()

    def _gone(self) -> bool:
        assert self._janitor is not None
        process.reap(self._janitor.pid)
        return self._janitor.alive()

    def _namespaces(self) -> Identity:
        flags = ("--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc")
        command = ("unshare", *flags, "--propagation", "private", sys.executable, "-I", "-S", "-c", _INIT)
        log = self.directory / "box.log"
        outer = process.start(command, log, detached=self._detached)
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")

        def inner() -> str:
            return children.read_text().strip() if children.exists() else ""

        process.until(lambda: bool(inner()), 10.0, lambda: outer.poll() is None, "the box", log)
        init = process.identify(int(inner()))
        mark = Path(f"/proc/{init.pid}/cmdline")
        process.until(lambda: b"os.wait" in mark.read_bytes(), 10.0, init.alive, "process 1 of the box", log)
        return init

    def _watched(self) -> Identity:
        assert self._init is not None
        command = [sys.executable, "-m", janitor.__name__, str(self._init.pid), str(self._init.started), self.name]
        if self._scratch:
            command.append(str(self.directory))
        log = self.directory / "janitor.log"
        with log.open("ab") as out:
            started = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        return process.identify(started.pid)

    def _mounts(self) -> None:
        self.run("hostname", "box")
        for path in _PRIVATE:
            if Path(path).exists():
                self.run("mount", "-t", "tmpfs", "tmpfs", path)
        self.run("mkdir", "-p", "/run/lock", "/run/containerd")
        # the first use of `ip netns` mounts its folder onto itself: after a pod has come, that would double the pod's
        # mount there, and the pod could never go
        self.run("ip", "netns", "add", "first")
        self.run("ip", "netns", "delete", "first")

    def _network(self) -> None:
        assert self._init is not None
        _run(("ip", "link", "add", self.name, "mtu", "1400", "type", "veth", "peer", "name", "eth0", "netns",
              str(self._init.pid)))  # fmt: skip
        _run(("ip", "addr", "add", f"{self.addresses.outside}/30", "dev", self.name))
        _run(("ip", "link", "set", self.name, "up"))
        _run(("ip", "route", "add", self.addresses.pods, "via", self.addresses.node, "dev", self.name))
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", f"{self.addresses.node}/30", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "mtu", "1400", "up")
        # there is no default route: without this one the node's own processes would be told "unreachable" before
        # kube-proxy turns a Service's address into a pod's
        self.run("ip", "route", "add", SERVICES, "dev", "eth0", "src", self.addresses.node)
        self.run("sysctl", "-qw", *(f"{name}={value}" for name, value in _SYSCTLS.items()))

    def _cgroups(self) -> None:
        for hierarchy in janitor.hierarchies():
            home = hierarchy / self.name
            home.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new cgroup of v1, and then nothing can run in it
                if (home / name).exists():
                    (home / name).write_text((hierarchy / name).read_text())

    def _remember(self) -> None:
        assert self._init is not None
        assert self._janitor is not None
        state = {"init": asdict(self._init), "janitor": asdict(self._janitor), "slot": self.addresses.slot}
        (self.directory / "box.json").write_text(json.dumps(state))


def _free_addresses() -> Addresses:
    """Those that no route of this machine leads to yet."""
    routes = _run(("ip", "-4", "route"))
    for slot in range(16):
        addresses = Addresses(slot)
        if addresses.pods not in routes and f"{addresses.outside.rpartition('.')[0]}." not in routes:
            return addresses
    raise StartError("10.77.0.0/16 is in use on this machine; are old nodes still up? make cluster-down")


def _run(command: Sequence[str], input: str | None = None) -> str:  # noqa: A002 - subprocess' own word
    done = subprocess.run(list(command), input=input, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
