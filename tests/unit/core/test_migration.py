from __future__ import annotations

import json

import pytest

from novacron.core.migration import REASONS, Report, Upkeep


def test_a_report_is_what_the_operator_reads() -> None:
    report = Report(
        "migrated", "Migrated", "3 migrations were applied", {"auth": "0003-x"}, 3, Upkeep(made={"auth.audit": 4})
    )
    assert report.document() == {
        "outcome": "migrated",
        "reason": "Migrated",
        "message": "3 migrations were applied",
        "schemas": {"auth": "0003-x"},
        "applied": 3,
        "made": {"auth.audit": 4},
        "dropped": {},
        "deleted": {},
    }


def test_upkeep_is_told_in_one_line() -> None:
    done = Upkeep({"auth.audit": 1, "query.vm_metrics": 2}, {"auth.audit": 4}, {"auth.sessions": 5, "query.vms": 6})
    assert str(done) == "3 made, 4 dropped, 11 rows deleted"


def test_a_reason_that_nobody_documented_is_a_defect() -> None:
    with pytest.raises(ValueError, match="undocumented reason"):
        Report("failed", "Sometimes", "")


def test_a_document_is_never_cut_off_by_the_kubelet() -> None:
    """It keeps 4096 bytes."""
    schemas = {"auth": "x" * 64, "query": "x" * 64}
    partitioned = dict.fromkeys(("auth.audit", "query.vm_metrics", "query.vm_rollup_1m", "query.vm_rollup_5m"), 9_999)
    deleted = ("auth.refresh_tokens", "auth.sessions", "auth.revocations", "query.vm_latest", "query.vms")
    done = Upkeep(partitioned, partitioned, dict.fromkeys(deleted, 999_999_999))
    longest = Report("failed", max(REASONS, key=len), "\N{SNOWMAN}" * 10_000, schemas, 999, done)
    assert len(json.dumps(longest.document(), ensure_ascii=False).encode()) <= 4096
