from __future__ import annotations

from tests.support import reference


def test_the_reference_is_what_the_code_says() -> None:
    assert reference.PATH.read_text(encoding="utf-8") == reference.text(), "run `make generate`"
