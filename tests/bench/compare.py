"""The operator against the raw rate, from what was measured; pure.

A server gets slower as it fills (each new Service is compared with all addresses, for one), and others may use the
machine; so the operator, who fills it, is held against the mean cost of a raw object before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from tests.bench.cost import Cost
from tests.bench.report import Goal, Row

CASE = "many"
GOAL = Goal("at least", 0.8)


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many objects written, and what it cost."""

    objects: int
    cost: Cost

    @property
    def rate(self) -> float:
        """Objects a second of wall time."""
        return self.objects / self.cost.seconds

    @property
    def cpu(self) -> float:
        """CPU milliseconds of an object: API server, etcd and writer together."""
        return self.cost.each(self.objects)

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s with {self.cost.share():.1f} cores ({self.cost.split(self.objects)})"


def compared(
    resources: int, operator: Stretch, raws: Sequence[Stretch], creation: Stretch, concurrency: int, asked: str
) -> list[Row]:
    """Rows of one size.

    Args:
        operator: children, written by the operator, the creation of their NovaCrons included.
        raws: children, written raw, before and after.
        creation: NovaCrons, created while no operator ran.
        concurrency: of the raw side, the best of some.
        asked: requests of the operator.
    """
    each = operator.objects / resources
    raw_rate = 1 / mean(1 / raw.rate for raw in raws)
    raw_cpu = mean(raw.cpu for raw in raws)
    alone = operator.cost.seconds - resources / creation.rate
    own_cpu = operator.cpu - creation.cpu / each
    before_after = f"concurrency {concurrency}; before and after: {'; '.join(map(str, raws))}"
    included, taken_off = "the NovaCrons' creation included", "the NovaCrons' own creation taken off"
    goes = "by CPU: others take no part in it, but a busy machine makes each ms do less, so only near times compare"

    def row(what: str, value: float, unit: str = "", goal: Goal | None = None, note: str = "") -> Row:
        return Row(CASE, what, value, unit, resources, goal, note)

    return [
        row("children of a resource", each),
        row("raw server-side apply", raw_rate, "/s", note=before_after),
        row("children written by the operator", operator.rate, "/s", note=f"{operator}; requests by then: {asked}"),
        row("operator over raw", operator.rate / raw_rate, "", GOAL, included),
        row("operator over raw, own work", operator.objects / max(alone, 1e-9) / raw_rate, "", None, taken_off),
        row("CPU of a child, raw", raw_cpu, "ms"),
        row("CPU of a child, operator", operator.cpu, "ms"),
        row("CPU of a NovaCron's creation", creation.cpu, "ms", note=str(creation)),
        row("operator over raw, by CPU", raw_cpu / operator.cpu, "", None, f"{included}; {goes}"),
        row("operator over raw, own work, by CPU", raw_cpu / own_cpu, "", None, f"{taken_off}; {goes}"),
    ]
