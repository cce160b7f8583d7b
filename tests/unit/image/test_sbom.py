from __future__ import annotations

import json

from image import sbom
from image.sbom import Component

_DEB = Component("deb", "libstdc++6", "1:12.2.0-14+deb12u1", "a" * 64, "amd64")
_WHEEL = Component("pypi", "kopf", "1.45.2", "b" * 64, license="MIT")


def test_packages_are_named_as_scanners_know_them() -> None:
    assert _DEB.purl == "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12"
    assert _WHEEL.purl == "pkg:pypi/kopf@1.45.2"


def test_each_component_has_its_hash_and_its_license_where_it_names_one() -> None:
    bill = json.loads(sbom.document("novacron", "1", "Apache-2.0", [_WHEEL, _DEB]))
    deb, wheel = bill["components"]
    assert deb["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert "licenses" not in deb
    assert wheel["licenses"] == [{"expression": "MIT"}]
    assert bill["dependencies"][0]["dependsOn"] == [_DEB.purl, _WHEEL.purl]


def test_the_same_components_in_any_order_make_the_same_bill() -> None:
    first = sbom.document("novacron", "1", "Apache-2.0", [_WHEEL, _DEB])
    assert sbom.document("novacron", "1", "Apache-2.0", [_DEB, _WHEEL]) == first
    other = json.loads(sbom.document("novacron", "1", "Apache-2.0", [_DEB]))
    assert other["serialNumber"] != json.loads(first)["serialNumber"]
    assert "timestamp" not in first
