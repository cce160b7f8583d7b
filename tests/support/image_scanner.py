"""Trivy over the image and the Dockerfile, offline: secrets, misconfigurations, licences, packages that it recognises.

Its database of vulnerabilities is no module of the Go proxy and cannot be had here: none are looked for.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image import archive as archives
from tests.support.controlplane.build import built
from tests.support.judges import LOCKS, JudgeError

_QUIET = ("--quiet", "--skip-version-check", "--format", "json")
_OFFLINE = "--offline-scan"
_BUILT_IN = "--skip-check-update"
"""The checks that are in the program, and no newer ones."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that Trivy does not like.

    Args:
        kind: ``secret``, ``misconfiguration`` or ``license``.
        check: what it is: a rule, a check, a licence.
        severity: as Trivy has it, e.g. ``HIGH``.
        subject: file or package.
        category: of a licence, e.g. ``forbidden``.
    """

    kind: str
    check: str
    severity: str
    subject: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found.

    Args:
        system: as recognised, e.g. ``debian 12.15``; empty where there is none.
        packages: name and version of each that it recognised, by class (``os-pkgs``, ``lang-pkgs``).
        checks: how many checks of configuration were passed.
    """

    findings: tuple[Finding, ...]
    system: str
    packages: dict[str, set[tuple[str, str]]]
    checks: int


def image(archive: Path) -> Scan:
    """An OCI archive."""
    with tempfile.TemporaryDirectory() as folder:
        archives.write_layout(archive, Path(folder))
        return _scan("image", _OFFLINE, _BUILT_IN, "--list-all-pkgs", "--scanners", "secret,license", "--input", folder)


def bill_of_materials(file: Path) -> Scan:
    """A CycloneDX document; Trivy must be able to read it."""
    return _scan("sbom", _OFFLINE, "--list-all-pkgs", "--scanners", "license", str(file))


def configuration(directory: Path) -> Scan:
    """Dockerfiles of a directory, with the checks that are built in."""
    return _scan("config", _BUILT_IN, "--misconfig-scanners", "dockerfile", str(directory))


def install() -> str:
    """Builds it, once; its path."""
    flags = ("-ldflags=-s -w",)
    return str(built("judges-trivy", LOCKS / "trivy", flags=flags, environment={"GOEXPERIMENT": "jsonv2"}) / "trivy")


def _scan(command: str, *arguments: str) -> Scan:
    with tempfile.TemporaryDirectory() as cache:
        whole = [install(), command, "--cache-dir", cache, *_QUIET, *arguments]
        done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise JudgeError(f"trivy did not answer: {done.stderr[-800:]}")
    return _read(json.loads(done.stdout))


def _read(answer: dict[str, Any]) -> Scan:
    system = answer.get("Metadata", {}).get("OS", {})
    results = answer.get("Results") or []
    packages: dict[str, set[tuple[str, str]]] = {}
    for result in results:
        for package in result.get("Packages") or []:
            packages.setdefault(result["Class"], set()).add((package["Name"], package["Version"]))
    findings = sorted(finding for result in results for finding in _findings(result))
    checks = sum(result.get("MisconfSummary", {}).get("Successes", 0) for result in results)
    return Scan(tuple(findings), " ".join(filter(None, map(system.get, ("Family", "Name")))), packages, checks)


def _findings(result: dict[str, Any]) -> list[Finding]:
    target = result["Target"]
    return [
        *(Finding("secret", item["RuleID"], item["Severity"], target) for item in result.get("Secrets") or []),
        *(
            Finding("misconfiguration", item["ID"], item["Severity"], target)
            for item in result.get("Misconfigurations") or []
        ),
        *(
            Finding("license", item["Name"], item["Severity"], item["PkgName"] or item["FilePath"], item["Category"])
            for item in result.get("Licenses") or []
        ),
    ]
