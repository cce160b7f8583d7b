"""The neighbours' CustomResourceDefinitions, from their own published modules; none of them is in the repository."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection
from pathlib import Path

from tests.support.controlplane.build import BuildError, built
from tests.support.controlplane.plane import ControlPlane
from tests.support.controlplane.toolchain import Go

MODULE = Path(__file__).parents[2] / "cluster" / "neighbours"
_USED = frozenset(
    {
        "secretstores.external-secrets.io",
        "externalsecrets.external-secrets.io",
        # the controller watches these whatever its flags say, and ends without them
        "generatorstates.generators.external-secrets.io",
        "gatewayclasses.gateway.networking.k8s.io",
        "gateways.gateway.networking.k8s.io",
        "httproutes.gateway.networking.k8s.io",
        "servicemonitors.monitoring.coreos.com",
        "podmonitors.monitoring.coreos.com",
        "prometheusrules.monitoring.coreos.com",
    }
)
"""The others of these modules would only cost the API server its start."""
_SOURCES = {
    "external-secrets": ("github.com/external-secrets/external-secrets", "deploy/crds/bundle.yaml"),
    "gateway-api": ("sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"),
    "prometheus-operator": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/*.yaml",
    ),
}
NEIGHBOURS = tuple(_SOURCES)


@functools.cache
def directory() -> Path:
    """One folder a neighbour, with its YAML files."""
    return built("neighbours", MODULE, targets=(), extra=_collect, revision=3)


def _collect(go: Go, home: Path) -> None:
    for name, (module, pattern) in _SOURCES.items():
        done = go.run("mod", "download", "-json", module, cwd=MODULE, GOFLAGS="-mod=mod")
        if done.returncode:
            raise BuildError(
                f"{module} cannot be had; choose another version in {MODULE.name}/go.mod: {done.stdout}{done.stderr}"
            )
        (home / name).mkdir()
        files = [
            file for file in sorted(Path(json.loads(done.stdout)["Dir"]).glob(pattern)) if "_vap_" not in file.name
        ]
        if not files:
            raise BuildError(f"{module} has no {pattern} any more: look where it keeps its CRDs now")
        for file in files:
            # as text: some hold a bare `=`, which PyYAML cannot construct
            for document in re.split(r"^---\s*$", file.read_text(), flags=re.MULTILINE):
                found = re.search(r"^  name: (\S+)$", document, re.MULTILINE)
                if found and found[1] in _USED:
                    (home / name / f"{found[1]}.yaml").write_text(document)


def install(plane: ControlPlane, neighbours: Collection[str] = NEIGHBOURS) -> None:
    """Applies CRDs and waits until they are served."""
    for name in neighbours:
        plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(directory() / name))
    for name in neighbours:
        for file in sorted((directory() / name).iterdir()):
            plane.wait_for_crd(file.stem)


def remove(plane: ControlPlane, neighbours: Collection[str]) -> None:
    """Deletes CRDs, and with them every object of theirs."""
    for name in neighbours:
        plane.kubectl("delete", "--ignore-not-found", "-f", str(directory() / name))
