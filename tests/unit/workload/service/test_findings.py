"""What findings say, and when all of them together mean ready."""

from __future__ import annotations

import pytest

from novacron.core.dependencies import REASONS, Finding, State, Unusable
from novacron.workload.service import findings


def _finding(state: State = "ok", *, required: bool = True, name: str = "database") -> Finding:
    if state == "ok":
        return findings.reached(name, required=required)
    return findings.refused(name, Unusable("Unreachable"), state=state, required=required)


@pytest.mark.parametrize(
    ("found", "draining", "ready", "state"),
    [
        ([_finding()], False, True, "ready"),
        ([], False, True, "ready"),
        ([_finding(), _finding("down")], False, False, "down"),
        ([_finding("degraded")], False, True, "ready"),
        ([_finding(), _finding("down", required=False)], False, True, "ready"),
        ([_finding()], True, False, "draining"),
        ([_finding("down")], True, False, "draining"),
    ],
    ids=["all well", "nothing needed", "one down", "one degraded", "a peer down", "ending", "ending and down"],
)
def test_ready_is_every_required_one(found: list[Finding], draining: bool, ready: bool, state: str) -> None:
    assert findings.ready(found, draining=draining) is ready
    assert findings.answer(found, draining=draining)["state"] == state
    assert bool(findings.failures(found, draining=draining)) is not ready


def test_the_detail_joins_what_fails() -> None:
    found = [_finding("down"), _finding("down", required=False, name="auth"), _finding("down", name="redis")]
    assert findings.failures(found, draining=True) == (
        "the process is ending;"
        " database does not answer; start it, correct its address, or open the way to it;"
        " redis does not answer; start it, correct its address, or open the way to it"
    )


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"Reached"}))
def test_every_reason_has_words_and_a_remedy(reason: str) -> None:
    said = findings.refused("redis", Unusable(reason), where="r:1", secret="the-secret").message
    assert said.startswith("redis at r:1 ")
    assert "; " in said
    assert "{" not in said


@pytest.mark.parametrize("reason", ["AuthenticationFailed", "CertificateRefused", "FileMissing", "FileInvalid"])
def test_what_a_secret_can_mend_names_it(reason: str) -> None:
    assert "Secret the-secret" in findings.refused("redis", Unusable(reason), secret="the-secret").message


def test_what_no_secret_holds_is_mended_elsewhere() -> None:
    assert "in the resource" in findings.refused("redis", Unusable("AuthenticationFailed")).message


def test_a_reason_without_a_page_is_a_defect() -> None:
    with pytest.raises(ValueError, match="undocumented reason Bad"):
        Finding("redis", "down", "Bad", "")
