"""Resources that must be refused and resources that must not, from admission.yaml next to this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.resources import Manifest, changed, full, minimal


@dataclass(frozen=True, slots=True)
class Refusal:
    """One change that makes the minimal resource a bad one.

    Attributes:
        id: what is wrong, for the test's name.
        set: what is put into the minimal resource, by path.
        path: the field that the API server and the operator must name.
        words: a part of the message that both must show; of the server's own where ``server`` is set.
        server: type, enum, length or strict decoding refuses, not a rule of ours.
    """

    id: str
    set: Mapping[str, Any]
    path: str
    words: str
    server: bool = False

    @property
    def resource(self) -> Manifest:
        """The bad resource."""
        return changed(minimal(), self.set)


def _variables(count: int) -> Mapping[str, Any]:
    return {"spec.api.env": [{"name": f"V{number}", "value": "x"} for number in range(count)]}


_CASES = yaml.safe_load((Path(__file__).parent / "admission.yaml").read_text(encoding="utf-8"))

REFUSALS: tuple[Refusal, ...] = (
    *(Refusal(**case) for case in _CASES["refused"]),
    Refusal("101 env entries", _variables(101), "spec.api.env", "Too many", server=True),
)

ACCEPTED: Mapping[str, Manifest] = {
    **{case["id"]: changed(minimal(), case["set"]) for case in _CASES["accepted"]},
    "full": full(),
    "100 env entries": changed(minimal(), _variables(100)),
}
