"""How pods of the migration ended: what they left as their last words, read as those of a stranger. Pure.

The words come through the kubelet from a process that may be broken or another than ours: they are bounded, and what
does not have the documented form (core/migration.py) says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from novacron.core import names
from novacron.core.manifest import Manifest, at
from novacron.core.readiness import one_line

MOST_CHARACTERS = 4096
"""The kubelet keeps no more of a container's message."""
_OUTCOME = re.compile(r"[a-z]{1,32}")
_REASON = re.compile(r"[A-Z][A-Za-z]{0,63}")
_UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class End:
    """Of a pod that did not do its work.

    Args:
        text: what it said, or what the kubelet says in its place.
        unreachable: whether it says that it could not reach the database.
    """

    text: str
    unreachable: bool = False

    def __str__(self) -> str:
        return self.text


def last_end(pods: Iterable[Manifest]) -> End | None:
    """Of the pod that ended last, where that was not well."""
    ended = [(end, pod) for pod in pods for end in (terminated(pod),) if end is not None]
    if not ended:
        return None
    last, pod = max(ended, key=lambda item: (str(item[0].get("finishedAt") or ""), str(item[1]["metadata"]["name"])))
    return _end(last, pod) if last.get("exitCode") != 0 else None


def terminated(pod: Manifest) -> Manifest | None:
    """The end of its process; None where it has not begun or still runs."""
    for container in at(pod, "status", "containerStatuses", default=[]):
        if container.get("name") == names.MIGRATE:
            found: Manifest | None = at(container, "state", "terminated")
            return found
    return None


def _end(ended: Manifest, pod: Manifest) -> End:
    said = _said(str(ended.get("message") or ""))
    if said is not None:
        return said
    if ended.get("reason") == "OOMKilled":
        containers = at(pod, "spec", "containers", default=[{}])
        limit = at(containers[0], "resources", "limits", "memory", default="unknown")
        return End(f"it was killed for want of memory (limit {limit}); raise spec.query.resources.limits.memory")
    meta = pod["metadata"]
    log = f"kubectl logs -n {meta.get('namespace', '')} -l app.kubernetes.io/component={names.MIGRATE}"
    return End(f"it ended with exit code {ended.get('exitCode', '?')}; read its log (`{log}`)")


def _said(message: str) -> End | None:
    """The words of ``novacron migrate``; None where these are not."""
    if len(message) > MOST_CHARACTERS:
        return None
    try:
        document: Any = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    outcome, reason, text = (document.get(key) for key in ("outcome", "reason", "message"))
    if not isinstance(outcome, str) or not isinstance(reason, str) or not isinstance(text, str):
        return None
    if _OUTCOME.fullmatch(outcome) is None or _REASON.fullmatch(reason) is None:
        return None
    return End(f"{reason}: {one_line(text)}", outcome == _UNREACHABLE)
