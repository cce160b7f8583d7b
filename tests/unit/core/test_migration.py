from __future__ import annotations

import json

import pytest

from novacron.core.migration import REASONS, Report


def test_a_report_is_what_the_operator_reads() -> None:
    report = Report("migrated", "Migrated", "3 migrations were applied", {"auth": "0003-x"}, 3)
    assert report.document() == {
        "outcome": "migrated",
        "reason": "Migrated",
        "message": "3 migrations were applied",
        "schemas": {"auth": "0003-x"},
        "applied": 3,
    }


def test_a_reason_that_nobody_documented_is_a_defect() -> None:
    with pytest.raises(ValueError, match="undocumented reason"):
        Report("failed", "Sometimes", "")


def test_a_document_is_never_cut_off_by_the_kubelet() -> None:
    """It keeps 4096 bytes."""
    longest = Report(
        "failed", max(REASONS, key=len), "\N{SNOWMAN}" * 10_000, {"auth": "x" * 64, "query": "x" * 64}, 999
    )
    assert len(json.dumps(longest.document(), ensure_ascii=False).encode()) <= 4096
