"""Why no pod is made at all: what admission says to the ReplicaSet, in words that stay the same. Pure.

Source: the message of a Deployment's condition ReplicaFailure; plugins ResourceQuota, LimitRanger, PodSecurity.
"""

from __future__ import annotations

import re

from novacron.stack.problem import Problem, steady

_POD = re.compile(r'^(?:Error creating: )?pods? "[^"]*" is forbidden: ')
_QUOTA = re.compile(r"exceeded quota: ([^,\s]+), requested: (.*?), used: ")
_LIMIT = re.compile(r"(?:maximum|minimum) \S+ usage per (?:Container|Pod) is|limit to request ratio per")
_PRIORITY = re.compile(r"no PriorityClass with name (\S+) was found")


def refused(role: str, message: str) -> Problem:
    """From the condition ReplicaFailure of a Deployment."""
    words = _POD.sub("", message)
    quota = _QUOTA.search(words)
    if quota is not None:
        wanted = ", ".join(sorted({part.partition("=")[0] for part in quota[2].split(",")}))
        cause = f"ResourceQuota/{quota[1]} lets no more pods in: {wanted} is used up"
        remedy = f"raise that quota (ours: spec.governance.resourceQuota.hard), or lower spec.{role}.resources"
        return Problem("QuotaExceeded", cause, remedy)
    if _LIMIT.search(words):
        remedy = f"change spec.{role}.resources, or the LimitRange (ours: spec.governance.limitRange)"
        return Problem("LimitRangeConflict", f"a LimitRange refuses its pods: {steady(words)}", remedy)
    priority = _PRIORITY.search(words)
    if priority is not None:
        remedy = f"create it, or change spec.{role}.priorityClassName"
        return Problem("PodRefused", f"there is no PriorityClass {priority[1].rstrip(':')}", remedy)
    if "violates PodSecurity" in words:
        remedy = "something adds to our pods (a webhook?): they are restricted; see the namespace's pod-security labels"
        return Problem("PodRefused", f"Pod Security refuses its pods: {steady(words)}", remedy)
    return Problem("PodRefused", f"its pods are refused: {steady(words)}", "change what refuses them")
