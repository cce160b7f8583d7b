from __future__ import annotations

from novacron.adapters.telemetry import Telemetry
from novacron.core.conditions import Condition, Status
from tests.bench.counters import counted, ready
from tests.support.operator_process import _SAMPLE


def exposed(telemetry: Telemetry) -> dict[str, float]:
    """As OperatorProcess reads it."""
    text = telemetry.exposition().decode()
    return {name + labels: float(value) for name, labels, value in _SAMPLE.findall(text)}


def test_sums_over_codes_and_outcomes_and_leaves_the_lease_out() -> None:
    telemetry = Telemetry()
    for verb, code in (("list", 200), ("list", 500), ("apply", 201), ("get", 200), ("watch", 200), ("update", 200)):
        telemetry.observe_request(verb, code, 0.1)
    telemetry.reconciles.labels("written").inc()
    telemetry.reconciles.labels("unchanged").inc(2)
    telemetry.duration.observe(0.5)
    found = counted(exposed(telemetry))
    assert (found.requests["list"], found.requests["apply"], found.calls) == (2, 1, 3)
    assert (found.passes, found.seconds) == (3, 0.5)


def test_a_difference_is_taken_part_by_part() -> None:
    telemetry = Telemetry()
    telemetry.observe_request("list", 200, 0.1)
    before = counted(exposed(telemetry))
    telemetry.observe_request("list", 200, 0.1)
    telemetry.observe_request("delete", 200, 0.1)
    telemetry.reconciles.labels("written").inc()
    since = counted(exposed(telemetry)).since(before)
    assert (str(since), since.passes) == ("1 list, 1 delete", 1)


def test_ready_counts_resources_whose_ready_is_true() -> None:
    telemetry = Telemetry()
    told: list[tuple[str, Status]] = [("a", "True"), ("b", "False"), ("c", "True")]
    for name, status in told:
        telemetry.show(
            "ns",
            name,
            [Condition("Ready", status, "AllWorkloadsAvailable", ""), Condition("Stalled", "True", "InvalidSpec", "")],
        )
    assert ready(exposed(telemetry)) == 2
