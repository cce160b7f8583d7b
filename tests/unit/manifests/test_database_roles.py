from __future__ import annotations

from pathlib import Path

from novacron.adapters.database_roles import script


def test_the_sample_is_what_the_command_prints() -> None:
    sample = Path(__file__).parents[3] / "manifests" / "samples" / "database-roles.sql"
    assert sample.read_text() == script()
