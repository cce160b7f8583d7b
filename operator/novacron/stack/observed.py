"""One snapshot of what a pass saw and did: the only input of the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from novacron.api.v1alpha1 import NovaCron
from novacron.auth.desired import NO_KEYS
from novacron.auth.status import Keys
from novacron.core.capabilities import Capabilities
from novacron.core.manifest import Manifest, Ref
from novacron.core.plan import Refuse
from novacron.core.readiness import Dependency
from novacron.stack.dependencies import Hearing, Question
from novacron.stack.last_words import End
from novacron.stack.problem import Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit: a reason of core/conditions.py and a message with the sums."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What one pass knows.

    Args:
    resource: as parsed.
    capabilities: of the cluster.
    wanted: names of everything that should exist.
    children: what exists of it, after the writes of this pass.
    refused: wanted names that are taken.
    failures: wanted names whose write failed, with the server's words.
    persistent: fields that came back right after a write, by child.
    capacity: what the arithmetic found.
    problems: workload -> what keeps its pods from serving; only looked up where pods are missing.
    capacity_sums: what was added up, in words.
    contested: fields that somebody sets again after each repair, by child.
    question: what CredentialsCurrent, QueriesHealthy and MemoryAdequate depend on besides what was heard.
    heard: what workloads say against what those three are about.
    keys: what is known of the signing keys.
    outdated: workload -> what it says against the schema.
    migration: how the last pod of the migration ended, where that was not well.
    upkeep: the same of the last upkeep.
    missing: Secret that pods wait for -> when a kubelet last said that it is not there.
    """

    resource: NovaCron
    capabilities: Capabilities
    wanted: frozenset[Ref]
    children: Mapping[Ref, Manifest]
    refused: tuple[Refuse, ...] = ()
    failures: Mapping[Ref, str] = field(default_factory=dict)
    persistent: Mapping[Ref, tuple[str, ...]] = field(default_factory=dict)
    capacity: tuple[Finding, ...] = ()
    capacity_sums: str = ""
    problems: Mapping[str, Problem] = field(default_factory=dict)
    contested: Mapping[Ref, tuple[str, ...]] = field(default_factory=dict)
    question: Question = field(default_factory=Question)
    heard: Hearing = field(default_factory=dict)
    keys: Keys = field(default_factory=lambda: Keys(NO_KEYS))
    outdated: Mapping[str, Dependency] = field(default_factory=dict)
    migration: End | None = None
    upkeep: End | None = None
    missing: Mapping[str, datetime] = field(default_factory=dict)
