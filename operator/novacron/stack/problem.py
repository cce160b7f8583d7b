"""What keeps a workload's pods from serving: a reason, the cause in stable words, and the field that helps. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_GRAVEST_FIRST = (
    "OutOfMemory",
    "ImageUnavailable",
    "SecretMissing",
    "ConfigMissing",
    "ContainerConfigError",
    "FailedMount",
    "CrashLoop",
    "QuotaExceeded",
    "LimitRangeConflict",
    "PodRefused",
    "Unschedulable",
    "Evicted",
    "DependencyUnreachable",
)
CAUSES = frozenset(_GRAVEST_FIRST)
"""Reasons that name a cause; the others only say that something is missing."""
_LONGEST = 400
_COUNTED = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{4,}"  # uids
    r"|\b(?:sha256:)?[0-9a-f]{12,}\b"  # ids of containers and sandboxes
    r"|\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:ms|µs|s)\b"  # durations
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Args:
    reason: one of CAUSES.
    cause: what is, in words that stay the same while it is.
    remedy: what to do; names a field of the NovaCron where one helps.
    lingering: it is over for the moment, so that whatever lasts is worse.
    older: of a pod that a rollout is about to replace.
    """

    reason: str
    cause: str
    remedy: str
    lingering: bool = False
    older: bool = False

    def __str__(self) -> str:
        return f"{self.cause}; {self.remedy}"

    @property
    def rank(self) -> tuple[bool, bool, int, str]:
        """Sorts the gravest first, whatever the pods are called."""
        return self.older, self.lingering, _GRAVEST_FIRST.index(self.reason), str(self)


def gravest(problems: Iterable[Problem]) -> Problem | None:
    return min(problems, key=lambda item: item.rank, default=None)


def gravity(reason: str) -> int:
    """Sorts reasons of whole workloads: causes first, the gravest of them before all."""
    return _GRAVEST_FIRST.index(reason) if reason in CAUSES else len(_GRAVEST_FIRST)


def steady(text: str, *names: str) -> str:
    """Somebody else's words as one line without what changes at each try: names of pods, ids, times."""
    for name in names:
        text = text.replace(name, "...")
    words = " ".join(_COUNTED.sub("...", text).split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
