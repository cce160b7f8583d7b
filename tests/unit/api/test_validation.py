"""What is refused inside the operator, where, and with which words; the same table runs against a real API server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.api.v1alpha1 import InvalidResource, NovaCronSpec, Problem, validate
from novacron.api.v1alpha1.shape import Shape
from novacron.core.errors import NovaCronError
from tests.support.refusals import ACCEPTED, REFUSALS, Refusal
from tests.support.resources import changed, full, minimal
from tests.support.schema import leaves, rules

LEAVES = [leaf.path for leaf in leaves(full()["spec"], Shape("object", model=NovaCronSpec), "spec")]


def problems(resource: Any) -> tuple[Problem, ...]:
    try:
        validate(resource)
    except InvalidResource as error:
        return error.problems
    return ()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_bad_resource_is_refused_at_its_field(refusal: Refusal) -> None:
    found = problems(refusal.resource)
    assert refusal.path in {problem.path for problem in found}
    if not refusal.server:
        assert any(problem.path == refusal.path and refusal.words in problem.message for problem in found)


@pytest.mark.parametrize("name", ACCEPTED)
def test_resource_at_the_right_side_of_the_edge_is_accepted(name: str) -> None:
    assert problems(ACCEPTED[name]) == ()


def test_every_rule_is_broken_by_a_listed_resource_or_by_a_nonsense_value() -> None:
    nonsense = (-1, 10**12, "\t", "not/a value!", 7.5)
    resources = [refusal.resource for refusal in REFUSALS if not refusal.server]
    resources += [changed(full(), {path: value}) for path in LEAVES for value in nonsense]
    said = {problem.message for resource in resources for problem in problems(resource)}
    assert {rule.message for rule in rules().values()} - said == set()


def test_every_problem_is_reported_at_once() -> None:
    bad = changed(minimal(), {"spec.redis.tls": False, "spec.database.sslMode": "require", "spec.api.uid": 0})
    assert {problem.path for problem in problems(bad)} == {"spec.redis.tls", "spec.database.sslMode", "spec.api.uid"}


def test_report_reads_field_and_message() -> None:
    with pytest.raises(InvalidResource) as caught:
        validate(changed(minimal(), {"spec.api.autoscaling.minReplicas": 21}))
    assert isinstance(caught.value, NovaCronError)
    assert str(caught.value) == (
        "spec.api.autoscaling.minReplicas: must be at most maxReplicas: lower minReplicas or raise maxReplicas"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"spec.api.env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
        {"spec.api.env": [{"name": "A", "value": ["hunter2"]}]},
        {"spec.api.env": [{"name": "A", "valueFrom": "hunter2"}]},
        {"spec.database.host": "postgres://novacron:hunter2@db"},
        {"spec.environment": "hunter2"},
        {"spec.api.uid": "hunter2"},
        {"spec": "hunter2"},
    ],
    ids=str,
)
def test_report_never_shows_what_was_given(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidResource) as caught:
        validate(changed(minimal(), changes))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("body", [{}, {"spec": None}, {"spec": []}, minimal() | {"kind": "Other"}], ids=str)
def test_body_of_another_form_is_refused(body: dict[str, Any]) -> None:
    assert problems(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(path=st.sampled_from(LEAVES), value=_JSON)
def test_no_value_at_any_field_ends_in_anything_but_a_verdict(path: str, value: Any) -> None:
    for problem in problems(changed(full(), {path: value})):
        assert problem.path
        assert problem.message


@given(
    text=st.from_regex(r"[+-]?[0-9.]{0,12}([eE][+-]?[0-9]{0,9})?([numkMGTPE]|Ki|Mi|Gi)?", fullmatch=True),
    path=st.sampled_from([path for path in LEAVES if "resources" in path or "limitRange" in path]),
)
def test_no_number_of_any_size_ends_in_anything_but_a_verdict(text: str, path: str) -> None:
    assert isinstance(problems(changed(full(), {path: text})), tuple)
