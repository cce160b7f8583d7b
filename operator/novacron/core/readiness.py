"""What a workload's ``/ready`` says of its dependencies, read as the words of a stranger.

The answer comes from a pod, which may be broken or taken over: everything is bounded, what does not have the documented
form is no answer, and nothing of it reaches a condition but names, a reason and one short line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from novacron.core.dependencies import IMPAIRMENTS

State = Literal["ok", "degraded", "down"]
STATES: tuple[State, ...] = ("ok", "degraded", "down")

MOST_BYTES = 64 * 1024
_MOST_DEPENDENCIES = 32
_MOST_WORDS = 256
_FORMS = {200: "application/json", 503: "application/problem+json"}
"""Status -> the media type that goes with it."""
_NAME = re.compile(r"[a-z][-a-z0-9]{0,62}")
_SECRET = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_REASON = re.compile(r"[A-Z][A-Za-z]{0,63}")
_REFUSALS = frozenset({"AuthenticationFailed", "PermissionDenied"})


@dataclass(frozen=True, slots=True)
class Dependency:
    """One thing that a workload depends on. Two that differ in their message alone are the same finding.

    Args:
        state: degraded: it works on with earlier credentials, while the mounted ones are refused; of
            IMPAIRMENTS: not well.
        required: whether the pod is not ready without it.
        secret: where its credentials come from; empty: none.
    """

    name: str
    state: State
    required: bool
    secret: str
    reason: str
    message: str = field(compare=False)

    @property
    def refused(self) -> bool:
        """Whether the mounted credentials are not accepted."""
        if self.name in IMPAIRMENTS:
            return False
        return self.state == "degraded" or (self.state == "down" and self.reason in _REFUSALS)

    @property
    def missed(self) -> bool:
        """Whether the pod is not ready because of it."""
        return self.required and self.state == "down"

    def __str__(self) -> str:
        where = f"{self.name} (Secret {self.secret})" if self.secret else self.name
        return f"{where}: {self.reason}: {self.message}" if self.message else f"{where}: {self.reason}"


def parsed(status: int, media_type: str, body: bytes) -> tuple[Dependency, ...] | None:
    """The dependencies by name; None where this is no answer of a workload of ours."""
    if _FORMS.get(status) != media_type or len(body) > MOST_BYTES:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    listed = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MOST_DEPENDENCIES:
        return None
    found = [_dependency(item) for item in listed]
    known = [item for item in found if item is not None]
    if len(known) < len(found) or len({item.name for item in known}) < len(known):
        return None
    return tuple(sorted(known, key=lambda item: item.name))


def _dependency(item: Any) -> Dependency | None:
    if not isinstance(item, dict):
        return None
    required, message, secret = item.get("required"), item.get("message"), item.get("secret") or ""
    name, reason, state = _matching(_NAME, item.get("name")), _matching(_REASON, item.get("reason")), item.get("state")
    if name is None or reason is None or not isinstance(required, bool) or not isinstance(message, str):
        return None
    if secret != "" and _matching(_SECRET, secret) is None:
        return None
    for known in STATES:
        if state == known:
            return Dependency(name, known, required, secret, reason, one_line(message))
    return None


def _matching(pattern: re.Pattern[str], text: Any) -> str | None:
    return text if isinstance(text, str) and pattern.fullmatch(text) else None


def one_line(text: str) -> str:
    """One short line that a terminal prints as it is."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _MOST_WORDS])
    words = " ".join(printable.split())
    return words if len(words) <= _MOST_WORDS else f"{words[: _MOST_WORDS - 1]}…"
