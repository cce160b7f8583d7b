"""The control plane's binaries and kwok's stages, from tests/cluster/controlplane/go.mod."""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path

from tests.support.controlplane.build import BuildError, built
from tests.support.controlplane.toolchain import Go

MODULE = Path(__file__).parents[2] / "cluster" / "controlplane"
_TARGETS = (
    "go.etcd.io/etcd/server/v3",
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes/cmd/kube-scheduler",
    "k8s.io/kubernetes/cmd/kubectl",
    "sigs.k8s.io/kwok/cmd/kwok",
)
_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/general")


@functools.cache
def directory() -> Path:
    """Where the binaries are; builds them the first time (about 10 minutes of CPU)."""
    return built("controlplane", MODULE, _TARGETS, stamped(), _keep_stages)


def stamped() -> tuple[str, ...]:
    """Flags that give Kubernetes' binaries the version of go.mod; without them clients cannot parse it."""
    match = re.search(r"k8s\.io/kubernetes (v(\d+)\.(\d+)\S*)", (MODULE / "go.mod").read_text())
    if match is None:
        raise BuildError("tests/cluster/controlplane/go.mod requires no k8s.io/kubernetes")
    base = "k8s.io/component-base/version"
    stamp = f"-X {base}.gitVersion={match[1]} -X {base}.gitMajor={match[2]} -X {base}.gitMinor={match[3]}"
    return ("-ldflags", f"-s -w {stamp}")


def _keep_stages(go: Go, home: Path) -> None:
    """Copies kwok's stages beside the binaries, so that a warm start needs no Go."""
    (home / "server").rename(home / "etcd")
    done = go.run("list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok", cwd=MODULE)
    if done.returncode:
        raise BuildError(f"kwok's module cannot be found: {done.stderr.strip()}")
    (home / "stages").mkdir()
    for stage in _STAGES:
        source = Path(done.stdout.strip()) / "kustomize" / "stage" / stage
        for file in sorted(source.glob("*.yaml")):
            if file.name != "kustomization.yaml":
                shutil.copyfile(file, home / "stages" / f"{stage.replace('/', '-')}-{file.name}")
