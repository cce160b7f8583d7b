"""MemoryAdequate: which words follow from which facts, and what of the status counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from novacron.core.readiness import Dependency, State
from novacron.ml import status
from novacron.ml.domain.sizing import COOL_DOWN
from novacron.ml.status import Facts

MI = 1 << 20
FACTS = Facts(128 * MI, 128 * MI, 400 * MI, "spec.ml.memory.rightSizing.maxMemory", allowed=True, tried=COOL_DOWN)


def memory(state: State = "degraded", reason: str = "MemoryCritical", words: str = "97 % of 128Mi") -> Dependency:
    return Dependency("memory", state, False, "", reason, words)


@pytest.mark.parametrize(
    ("changes", "said", "verdict", "message"),
    [
        pytest.param(
            {},
            (),
            ("True", "MemoryAdequate"),
            "No pod of ml was short of memory at its limit of 128Mi",
            id="well",
        ),
        pytest.param(
            {"limit": 192 * MI},
            None,
            ("True", "MemoryAdequate"),
            "No pod of ml was short of memory at its limit of 192Mi; learned by right-sizing, where"
            " spec.ml.resources.limits.memory gives 128Mi",
            id="well-with-what-was-learned",
        ),
        pytest.param(
            {"killed": True, "allowed": False},
            None,
            ("False", "LimitTooSmall"),
            "A pod of ml was killed for want of memory (OOMKilled) at its limit of 128Mi; 1.5 x 128Mi in whole 16Mi is"
            " 192Mi: raise spec.ml.resources.limits.memory to 192Mi, or switch on spec.ml.memory.rightSizing and bound"
            " it by its maxMemory",
            id="killed-and-switched-off",
        ),
        pytest.param(
            {"killed": True},
            (),
            ("False", "LimitRaised"),
            "A pod of ml was killed for want of memory (OOMKilled) at its limit of 128Mi; 1.5 x 128Mi in whole 16Mi is"
            " 192Mi, and spec.ml.memory.rightSizing.maxMemory allows 400Mi: raised to 192Mi",
            id="killed",
        ),
        pytest.param(
            {"limit": 300 * MI, "killed": True, "peak": 287 * MI + 5},
            (),
            ("False", "LimitRaised"),
            "A pod of ml was killed for want of memory (OOMKilled) at its limit of 300Mi; the metrics API showed up to"
            " 287Mi in use; 1.5 x 300Mi in whole 16Mi is 464Mi, and spec.ml.memory.rightSizing.maxMemory allows 400Mi:"
            " raised to 400Mi",
            id="the-last-step-is-a-smaller-one",
        ),
        pytest.param(
            {"killed": True, "tried": 3.0},
            (),
            ("False", "LimitOnTrial"),
            "A pod of ml was killed for want of memory (OOMKilled) at its limit of 128Mi; 1.5 x 128Mi in whole 16Mi is"
            " 192Mi, and spec.ml.memory.rightSizing.maxMemory allows 400Mi: raised to 192Mi once every pod has had its"
            " limit for 2 minutes",
            id="killed-soon-after-the-rollout",
        ),
        pytest.param(
            {"limit": 400 * MI, "killed": True},
            (),
            ("False", "LimitAtMost"),
            "A pod of ml was killed for want of memory (OOMKilled) at its limit of 400Mi;"
            " spec.ml.memory.rightSizing.maxMemory allows 400Mi: not raised any more: raise that, or give pods less to"
            " do at once",
            id="at-the-most",
        ),
        pytest.param(
            {"limit": 192 * MI, "smaller": 128 * MI, "tried": None},
            None,
            ("False", "LimitRaised"),
            "Pods with 128Mi are being replaced by pods with 192Mi; learned by right-sizing, where"
            " spec.ml.resources.limits.memory gives 128Mi: 1.5 x 128Mi in whole 16Mi is 192Mi, and"
            " spec.ml.memory.rightSizing.maxMemory allows 400Mi",
            id="rolling-out",
        ),
        pytest.param(
            {"limit": 288 * MI, "smaller": 200 * MI, "tried": None},
            None,
            ("False", "LimitRaised"),
            "Pods with 200Mi are being replaced by pods with 288Mi; learned by right-sizing, where"
            " spec.ml.resources.limits.memory gives 128Mi; spec.ml.memory.rightSizing.maxMemory allows 400Mi",
            id="rolling-out-what-was-learned-before-as-the-bound-was-raised-again",
        ),
        pytest.param(
            {},
            (memory(),),
            ("False", "LimitRaised"),
            "A pod of ml says, at its limit of 128Mi: 97 % of 128Mi; 1.5 x 128Mi in whole 16Mi is 192Mi, and"
            " spec.ml.memory.rightSizing.maxMemory allows 400Mi: raised to 192Mi",
            id="critical",
        ),
        pytest.param(
            {"limit": 192 * MI, "smaller": 128 * MI, "tried": None},
            (memory(),),
            ("False", "LimitRaised"),
            "Pods with 128Mi are being replaced by pods with 192Mi; learned by right-sizing, where"
            " spec.ml.resources.limits.memory gives 128Mi: 1.5 x 128Mi in whole 16Mi is 192Mi, and"
            " spec.ml.memory.rightSizing.maxMemory allows 400Mi",
            id="what-pods-of-an-earlier-limit-said-is-old-news",
        ),
    ],
)
def test_words(changes: Any, said: tuple[Dependency, ...] | None, verdict: tuple[str, str], message: str) -> None:
    found = status.memory_adequate(dataclasses.replace(FACTS, **changes), said)
    assert (found.status, found.reason) == verdict
    assert found.message == message


@pytest.mark.parametrize("seconds", [0.0, 60.0, COOL_DOWN - 1])
def test_the_words_are_the_same_while_time_passes(seconds: float) -> None:
    """Else each pass would write the status."""
    facts = dataclasses.replace(FACTS, killed=True, tried=seconds)
    assert status.memory_adequate(facts, ()) == status.memory_adequate(dataclasses.replace(facts, tried=None), ())


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        pytest.param((memory(),), (memory(),), id="critical"),
        pytest.param((memory("ok", "Reached"),), (), id="well"),
        pytest.param((memory("degraded", "SomethingNew"),), (), id="another-complaint-of-a-newer-version"),
        pytest.param((memory("down", "Unchecked"),), None, id="not-looked-at"),
        pytest.param((Dependency("auth", "ok", True, "", "Reached", ""),), None, id="a-version-without-the-word"),
        pytest.param((), None, id="nothing"),
    ],
)
def test_only_a_critical_memory_is_a_complaint(said: Any, heard: Any) -> None:
    assert status.complaints(said) == heard


def test_a_short_memory_is_no_matter_of_credentials() -> None:
    assert not memory().refused
    assert not memory().missed


@pytest.mark.parametrize("limit", [None, 192 * MI, 1 << 40, 123_456_789])
def test_what_was_learned_is_read_as_it_was_written(limit: int | None) -> None:
    written = {"ml": status.component(limit, 128 * MI)}
    assert status.learned(written, 128 * MI) == limit
    assert status.learned(written, 129 * MI) is None, "another limit was given since"


@pytest.mark.parametrize(
    "ml",
    [
        pytest.param({"memoryLimit": "", "learnedFor": ""}, id="none"),
        pytest.param({"memoryLimit": "192Mi"}, id="for-nothing"),
        pytest.param({"memoryLimit": "lots", "learnedFor": "128Mi"}, id="no-quantity"),
        pytest.param({"memoryLimit": "-1", "learnedFor": "128Mi"}, id="negative"),
        pytest.param({"memoryLimit": 7, "learnedFor": "128Mi"}, id="no-text"),
        pytest.param({}, id="empty"),
        pytest.param(None, id="absent"),
    ],
)
def test_a_status_that_somebody_spoilt_teaches_nothing(ml: Any) -> None:
    assert status.learned({"ml": ml}, 128 * MI) is None
    assert status.learned({}, 128 * MI) is None


def test_the_same_size_in_other_units_is_the_same() -> None:
    assert status.learned({"ml": {"memoryLimit": "1Gi", "learnedFor": "512Mi"}}, 1 << 29) == 1 << 30
