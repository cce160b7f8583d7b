"""Bodies and queries as models: strict, and refused without a word of what was sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr
from pydantic.json_schema import SkipJsonSchema

from novacron.workload.service.answers import Body, Change, Refusal, modelled

CANARY = "canary"
_texts = st.sampled_from([CANARY, CANARY * 100, f"{CANARY}\0", ""])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)


class Thing(Body):
    name: Annotated[str, Field(min_length=1, max_length=8, pattern="^[a-z]+$")]
    kind: Literal["a", "b"] = "a"
    secret: Annotated[SecretStr, Field(min_length=7)] | None = None
    numbers: list[int] = Field(default_factory=list)


class ThingChange(Change):
    name: str | SkipJsonSchema[None] = None
    kind: Literal["a", "b"] | SkipJsonSchema[None] = None


def _refusal(model: type[Body], sent: Any) -> str:
    """What is said; empty: it is taken."""
    try:
        modelled(model, sent)
    except Refusal as error:
        return error.detail
    return ""


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*Thing.model_fields, CANARY], _json)) | _json)
def test_a_refusal_says_nothing_of_what_was_sent(sent: Any) -> None:
    for model in (Thing, ThingChange):
        detail = _refusal(model, sent)
        assert CANARY not in detail
        assert "Thing" not in detail


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([], "body: is no object; send one."),
        ({}, "name: field required; correct it."),
        ({"name": "x", "more": 1}, "The body has an unknown member; known are: kind, name, numbers, secret."),
        ({"name": 5}, "name: input should be a valid string; correct it."),
        ({"name": "x", "numbers": [1, "2"]}, "numbers.1: input should be a valid integer; correct it."),
        ({"name": "x", "kind": "c"}, "kind: input should be 'a' or 'b'; correct it."),
    ],
)
def test_a_refusal_names_field_and_reason(sent: Any, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        modelled(Thing, sent)
    assert caught.value.detail == said


class Named(Body):
    things: dict[Annotated[str, Field(max_length=200)], int]


def test_a_name_of_a_client_s_own_is_cut_off() -> None:
    said = _refusal(Named, {"things": {"x" * 100_000: 1}})
    assert said.startswith("things.xxx")
    assert len(said) < 200


def test_a_change_names_what_changes() -> None:
    assert modelled(ThingChange, {"kind": "b"}).model_fields_set == {"kind"}
    for sent, said in (({}, "names nothing to change"), ({"name": None}, "null would remove")):
        with pytest.raises(Refusal, match=said):
            modelled(ThingChange, sent)
    schema = ThingChange.model_json_schema()
    assert schema["properties"]["name"] == {"title": "Name", "type": "string"}
