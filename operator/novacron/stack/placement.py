"""Why a pod found no node, or was sent away by one: the words of scheduler and kubelet, without their counts. Pure.

Source: pkg/scheduler/framework (plugins' ErrReason texts), pkg/kubelet/eviction, pkg/kubelet/lifecycle/predicate.go.
"""

from __future__ import annotations

import re

from novacron.stack.problem import Problem, steady

_MOST_REASONS = 6
_COUNT = re.compile(r"^\d+ (node\(s\) )?")
_INSUFFICIENT = re.compile(r"Insufficient (\S+)")
_OUT_OF = re.compile(r"OutOf(\S+)")
_VOLUME = re.compile(r'EmptyDir volume "([^"]+)" exceeds the limit "([^"]+)"')
_NODE_LOW = re.compile(r"node was low on resource: ([a-z-]+)")


def unschedulable(role: str, reason: str, message: str) -> Problem:
    """From the condition PodScheduled."""
    if reason == "SchedulingGated":
        return Problem(
            "Unschedulable", "a scheduling gate holds its pods back", "ask whoever set the gate (a webhook) to open it"
        )
    reasons = _reasons(message)
    cause = f"no node takes its pods: {', '.join(reasons)}" if reasons else "no node takes its pods"
    return Problem("Unschedulable", cause, _remedy(role, reasons))


def _reasons(message: str) -> list[str]:
    """``0/3 nodes are available: 2 Insufficient cpu, 1 node(s) had ...`` as what is said of nodes, each once."""
    # the sentences after the first one tell why nothing can be freed for the pod
    said = message.partition("preemption:")[0].partition(". ")[0].strip().rstrip(".")
    if "nodes are available:" not in said:
        return [steady(said)] if said else []
    said = said.partition("nodes are available:")[2].strip()
    parts = {_COUNT.sub("", part.strip().rstrip(".")) for part in re.split(r", (?=\d+ )", said)}
    return [steady(part) for part in sorted(parts - {""})][:_MOST_REASONS]


def _remedy(role: str, reasons: list[str]) -> str:
    """One way out for each reason; a pod needs but one node."""
    ways = dict.fromkeys(way for reason in reasons for way in _ways(role, reason))
    return " or ".join(ways) or f"change spec.{role}.nodeSelector, .affinity or .tolerations, or add a node"


def _ways(role: str, reason: str) -> list[str]:
    short = _INSUFFICIENT.search(reason)
    if short is not None and short[1] != "pods":
        return [_asks_less(role, short[1]), "add a node with room"]
    known = {
        "Insufficient pods": ["add a node: no more pods fit the present ones"],
        "Too many pods": ["add a node: no more pods fit the present ones"],
        "affinity/selector": [f"change spec.{role}.nodeSelector or spec.{role}.affinity", "label a node to match"],
        "taint": [f"add what tolerates the taint to spec.{role}.tolerations", "remove the taint"],
        "affinity": [f"change spec.{role}.affinity", "add a node"],
        "topology spread": [f"change spec.{role}.affinity", "add a node"],
        "unschedulable": ["uncordon a node (kubectl uncordon)"],
    }
    return next((ways for words, ways in known.items() if words in reason), [])


def _asks_less(role: str, resource: str) -> str:
    if resource in ("cpu", "memory"):
        return f"lower spec.{role}.resources.requests.{resource}"
    if resource == "ephemeral-storage":
        scratch = " or spec.ml.scratch.size" if role == "ml" else ""
        return f"lower spec.{role}.resources.requests['ephemeral-storage']{scratch}"
    return f"lower spec.{role}.gpus" if "gpu" in resource else f"lower what spec.{role} asks of {resource}"


def sent_away(role: str, reason: str, message: str) -> Problem | None:
    """From a pod that failed as a whole: evicted by its node, or refused there."""
    refused = _OUT_OF.fullmatch(reason)
    if refused is not None:
        resource = refused[1]
        cause = f"a node refused its pod: {resource} had run out there"
        return Problem("Unschedulable", cause, f"{_asks_less(role, resource)} or add a node with room")
    return _evicted(role, message) if reason == "Evicted" else None


def _evicted(role: str, message: str) -> Problem:
    volume = _VOLUME.search(message)
    if volume is not None:
        remedy = (
            "raise spec.ml.scratch.size"
            if volume[1] == "scratch"
            else f"raise spec.{role}.resources.limits.memory: /tmp may have an eighth of it, up to 100Mi"
        )
        return Problem("Evicted", f"it filled its volume {volume[1]} (limit {volume[2]}) and was evicted", remedy)
    low = _NODE_LOW.search(message)
    if low is not None:
        remedy = f"raise spec.{role}.resources.requests to what it uses, or free {low[1]} on the node"
        return Problem("Evicted", f"its node ran low on {low[1]} and evicted it", remedy)
    if "ephemeral" in message:
        remedy = f"raise spec.{role}.resources.limits['ephemeral-storage']"
        return Problem("Evicted", "it used more ephemeral-storage than its limit and was evicted", remedy)
    return Problem("Evicted", f"its node evicted it: {steady(message)}", "see kubectl describe of the pod")
