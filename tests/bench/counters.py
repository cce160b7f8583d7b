"""Sums over the operator's own metrics, and differences between two looks at them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.operator_process import OperatorProcess

VERBS = ("list", "apply", "create", "patch", "delete")
"""Of passes; get, update and watch belong to the lease, to discovery and to the watches."""


@dataclass(frozen=True, slots=True)
class Counters:
    """One look, or the difference of two.

    Args:
        requests: by verb.
        seconds: length of all passes together.
    """

    requests: dict[str, float]
    passes: float
    seconds: float

    def since(self, before: Counters) -> Counters:
        requests = {verb: number - before.requests[verb] for verb, number in self.requests.items()}
        return Counters(requests, self.passes - before.passes, self.seconds - before.seconds)

    @property
    def calls(self) -> float:
        return sum(self.requests.values())

    def __str__(self) -> str:
        return ", ".join(f"{number:,.0f} {verb}" for verb, number in self.requests.items() if number)


def look(operator: OperatorProcess) -> Counters:
    return counted(operator.metrics())


def counted(metrics: dict[str, float]) -> Counters:
    """From samples as ``OperatorProcess.metrics`` gives them."""
    requests = {
        verb: sum(
            value
            for name, value in metrics.items()
            if name.startswith("novacron_api_requests_total{") and f'verb="{verb}"' in name
        )
        for verb in VERBS
    }
    passes = sum(value for name, value in metrics.items() if name.startswith("novacron_reconcile_total{"))
    return Counters(requests, passes, metrics.get("novacron_reconcile_duration_seconds_sum", 0.0))


def ready(metrics: dict[str, float]) -> int:
    """How many resources are Ready."""
    return sum(
        value == 1
        for name, value in metrics.items()
        if name.startswith("novacron_condition{") and 'type="Ready"' in name and 'status="True"' in name
    )
