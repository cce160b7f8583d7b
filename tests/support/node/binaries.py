"""Programs of the node: Go tools from checked-in modules, and Debian's packages unpacked, none of them installed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from image import oci
from tests.support import debian
from tests.support.controlplane import binaries
from tests.support.controlplane.build import built
from tests.support.node import configuration

_E2E = Path(__file__).parents[2] / "e2e"
_PACKAGES = ("containernetworking-plugins", "nftables")


@dataclass(frozen=True, slots=True)
class Programs:
    """Directories: containerd and its kin, kubelet and kube-proxy, the root of the unpacked packages; and runc."""

    runtime: Path
    node: Path
    tools: Path
    runc: Path

    @property
    def cni(self) -> Path:
        return self.tools / "usr/lib/cni"

    @property
    def environment(self) -> tuple[str, ...]:
        """For ``env``: the unpacked programs and their libraries come first."""
        return (
            f"PATH={self.runtime}:{self.tools / 'usr/sbin'}:/usr/sbin:/usr/bin:/sbin:/bin",
            f"LD_LIBRARY_PATH={debian.libraries(self.tools)}",
        )


@functools.cache
def directory() -> Programs:
    """Builds and fetches what is not cached.

    Raises:
        BuildError, ToolchainError, DebianError: with the remedy.
    """
    kubernetes = ("k8s.io/kubernetes/cmd/kubelet", "k8s.io/kubernetes/cmd/kube-proxy")
    return Programs(
        built("containerd", _E2E / "containerd", flags=("-ldflags", "-s -w")),
        built("node", binaries.MODULE, kubernetes, binaries.stamped()),
        debian.unpacked(*_PACKAGES),
        _runc(),
    )


def _runc() -> Path:
    """Static, with seccomp: its filter is what Pod Security `restricted` asks for."""
    headers = debian.unpacked("libseccomp-dev")
    environment = {
        "CGO_ENABLED": "1",
        "PKG_CONFIG_PATH": str(next(headers.glob("usr/lib/*/pkgconfig"))),
        "PKG_CONFIG_SYSROOT_DIR": str(headers),
    }
    flags = ("-tags", "seccomp", "-ldflags", "-s -w -linkmode external -extldflags -static")
    return built("runc", _E2E / "runc", flags=flags, environment=environment) / "runc"


@functools.cache
def pause_image() -> Path:
    """The image of the container that holds a pod's namespaces."""
    home = built("pause", _E2E / "pause", (".",), ("-ldflags", "-s -w"))
    archive = home / "pause.tar"
    if not archive.exists():
        layer = oci.Layer(files={"/pause": (home / "pause", 0o755)})
        oci.pack([layer], oci.ImageConfig(entrypoint=["/pause"], user="65535:65535"), configuration.PAUSE, archive)
    return archive
