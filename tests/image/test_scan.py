"""A scanner of others over the image and the Dockerfile. It judges offline: it knows no vulnerabilities (README)."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from image import contents, oci
from image.build import Built
from image.oci import ImageConfig, Layer
from tests.support import image_scanner
from tests.support.image_scanner import Finding, Scan

pytestmark = pytest.mark.timeout(3600)  # the scanner is built once

_WAIVED = {
    "DS-0026": "Asks for HEALTHCHECK. Kubernetes ignores it: each role has its probes in the pod template.",
}
"""Checks of the Dockerfile that may fail, and why. Each must: one that no longer bites is removed."""


@pytest.fixture(scope="module")
def scan(built: Built) -> Scan:
    return image_scanner.image(built.archive)


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder = tmp_path_factory.mktemp("dockerfile")
    (folder / "Dockerfile").write_bytes((contents.CHECKOUT / "Dockerfile").read_bytes())
    return image_scanner.configuration(folder)


def _of(scan: Scan, kind: str) -> list[Finding]:
    return [finding for finding in scan.findings if finding.kind == kind]


def test_it_recognises_debian_and_every_package(scan: Scan, built: Built) -> None:
    assert scan.system.startswith("debian 12")
    purls = [component["purl"] for component in json.loads(built.bill.read_text())["components"]]
    wheels = {purl.removeprefix("pkg:pypi/").split("@")[0] for purl in purls if purl.startswith("pkg:pypi")}
    debs = {unquote(purl.split("/")[2].split("@")[0]) for purl in purls if purl.startswith("pkg:deb")}
    assert {name for name, _version in scan.packages["os-pkgs"]} == debs
    assert {name for name, _version in scan.packages["lang-pkgs"]} >= wheels | {"novacron"}


def test_there_is_no_secret_in_the_image(scan: Scan) -> None:
    assert _of(scan, "secret") == []


def test_no_license_forbids_use(scan: Scan) -> None:
    licenses = _of(scan, "license")
    assert len(licenses) > 50
    assert [finding for finding in licenses if finding.category == "forbidden"] == []


def test_the_dockerfile_fails_the_waived_checks_alone(dockerfile: Scan) -> None:
    assert {finding.check for finding in dockerfile.findings} == set(_WAIVED)
    assert not [finding for finding in dockerfile.findings if finding.severity in ("HIGH", "CRITICAL")]
    assert dockerfile.checks > 20


def test_the_bill_of_materials_is_read_by_others(built: Built) -> None:
    bill = json.loads(built.bill.read_text())
    read = image_scanner.bill_of_materials(built.bill)
    assert sum(map(len, read.packages.values())) == len(bill["components"])


def test_a_secret_and_a_bad_dockerfile_would_be_found(tmp_path: Path) -> None:
    """The scanner judges: what passes above is not what it does not look at."""
    secret = tmp_path / "credentials"
    secret.write_text(f"aws_access_key_id = {'AKIA' + 'Z7V3Q5K2M4N6P8R1'}\n")
    layer = Layer(files={"/etc/credentials": (secret, 0o644)})
    oci.pack([layer], ImageConfig(), "localhost/bad:1", tmp_path / "bad.tar")
    assert [finding.kind for finding in image_scanner.image(tmp_path / "bad.tar").findings] == ["secret"]
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nUSER root\nRUN apt-get install sudo\n")
    assert {"HIGH", "CRITICAL"} & {finding.severity for finding in image_scanner.configuration(tmp_path).findings}
