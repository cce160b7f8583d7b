"""When a resource is looked at again without any event. Pure."""

from __future__ import annotations

from novacron.core import conditions
from novacron.core.conditions import Condition
from novacron.stack.memory import Memory

SETTLED_RESYNC = 600.0
"""Seconds until a Ready resource is looked at again."""
UNSETTLED_RESYNC = 15.0
"""The same while something is awaited that no watch tells of: pods, somebody else's objects. What keeps pods from
serving is seen so soon, as pods alone show it. Once the verdict has stayed the same for minutes it doubles."""
UNSETTLED_MOST = 300.0
EARLY = 180.0
"""Seconds for which a verdict is young: kubelet and scheduler try several times before they say why not."""
SPACING = 0.1
"""Seconds between passes of resources that wait: a thousand in one outage must not keep the API server busy."""


def again(memory: Memory, verdict: tuple[Condition, ...], now: float, *, settled: bool, waiting: int) -> float:
    """Seconds; takes note of the verdict.

    Args:
        now: monotonic seconds.
        settled: whether every pod that is asked for is there.
        waiting: how many resources wait, apart from this one.
    """
    if settled and any(item.type == conditions.READY and item.status == "True" for item in verdict):
        memory.waits = False
        return SETTLED_RESYNC
    memory.judged(verdict, now)
    conflict = any(item.reason == "NameConflict" for item in verdict)  # a person is at work, and no watch tells
    if conflict or now - memory.since_verdict < EARLY:
        return min(max(UNSETTLED_RESYNC, SPACING * waiting), UNSETTLED_MOST)
    memory.unchanged += 1
    return min(UNSETTLED_RESYNC * 2.0 ** min(memory.unchanged, 10), UNSETTLED_MOST)
