"""What the operator shows of one resource: what is so now, and nothing of one that is gone."""

from __future__ import annotations

from novacron.adapters.telemetry import Telemetry
from novacron.core.conditions import Condition

KEPT = Condition("SchemaCurrent", "True", "SchemaCurrent", "")
FAILED = Condition("SchemaCurrent", "True", "UpkeepFailed", "why")


def shown(telemetry: Telemetry, metric: str) -> list[str]:
    lines = telemetry.exposition().decode().splitlines()
    return [line for line in lines if line.startswith(f"{metric}{{")]


def test_a_failed_upkeep_is_shown_beside_a_condition_that_is_true_all_the_same() -> None:
    telemetry = Telemetry()
    series = 'novacron_upkeep_failed{name="nc",namespace="shop"}'
    for told, value in ((KEPT, "0.0"), (FAILED, "1.0"), (KEPT, "0.0")):
        telemetry.show("shop", "nc", [told])
        assert shown(telemetry, "novacron_upkeep_failed") == [f"{series} {value}"]
        assert len(shown(telemetry, "novacron_condition")) == 1


def test_nothing_is_shown_of_a_resource_that_is_gone() -> None:
    telemetry = Telemetry()
    telemetry.show("shop", "nc", [FAILED])
    telemetry.hide_all()
    assert shown(telemetry, "novacron_upkeep_failed") == []
    assert shown(telemetry, "novacron_condition") == []
