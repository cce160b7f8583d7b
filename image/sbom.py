"""The bill of materials, CycloneDX 1.6: every Debian and every Python package with the hash of what was unpacked.

It names no time, and its serial number comes from its content: the same image has the same bill.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

PATH = "usr/share/novacron/sbom.cdx.json"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "novacron.io")


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """A package of the image.

    Args:
        sha256: of the .deb or the wheel.
        license: an SPDX expression, where the package names one.
    """

    kind: Literal["deb", "pypi"]
    name: str
    version: str
    sha256: str
    architecture: str = ""
    license: str = ""

    @property
    def purl(self) -> str:
        name, version = quote(self.name, safe=""), quote(self.version, safe="")
        if self.kind == "deb":
            return f"pkg:deb/debian/{name}@{version}?arch={self.architecture}&distro=debian-12"
        return f"pkg:pypi/{name}@{version}"


def document(name: str, version: str, license_expression: str, components: Sequence[Component]) -> str:
    """JSON, with a newline at its end."""
    root = f"pkg:pypi/{name}@{version}"
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": root,
                "name": name,
                "version": version,
                "licenses": [{"expression": license_expression}],
            }
        },
        "components": [_component(component) for component in sorted(components)],
        "dependencies": [{"ref": root, "dependsOn": sorted(component.purl for component in components)}],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    return json.dumps({**body, "serialNumber": serial.urn}, indent=1, sort_keys=True) + "\n"


def _component(component: Component) -> dict[str, Any]:
    licenses = {"licenses": [{"expression": component.license}]} if component.license else {}
    return {
        "type": "library",
        "bom-ref": component.purl,
        "purl": component.purl,
        "name": component.name,
        "version": component.version,
        "hashes": [{"alg": "SHA-256", "content": component.sha256}],
        **licenses,
    }
