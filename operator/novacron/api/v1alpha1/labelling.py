"""Labels and annotations that administrators add to objects; those that the operator relies on cannot be replaced."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from novacron.api.v1alpha1.rules import Rule, literal
from novacron.core import labels

RESERVED_LABELS = (
    labels.COMPONENT,
    labels.INSTANCE,
    labels.MANAGED_BY,
    labels.NAME,
    labels.PART_OF,
    labels.APP_VERSION,
    "pod-template-hash",
)
"""Labels that selectors, policies and the operator's own bookkeeping rely on."""

RESERVED_PREFIX = f"{labels.GROUP}/"
"""Prefix of labels and annotations that only the operator writes."""

_KEY = r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"


def _is_free_label(key: str) -> bool:
    return not key.startswith(RESERVED_PREFIX) and key not in RESERVED_LABELS


def _is_free_annotation(key: str) -> bool:
    return not key.startswith(RESERVED_PREFIX) and key != labels.RESTARTED_AT


_KEYS = Rule[dict[str, str]](
    cel=f"self.all(key, key.matches({literal(f'^{_KEY}$')}))",
    message="keys must be names such as team or example.com/team",
    holds=lambda entries: all(re.fullmatch(_KEY, key) for key in entries),
)
_VALUES = Rule[dict[str, str]](
    cel=f"self.all(key, self[key].matches({literal(f'^{_VALUE}$')}))",
    message="values must be empty or at most 63 letters, digits, -, _ and ., with a letter or digit at both ends",
    holds=lambda entries: all(re.fullmatch(_VALUE, value) for value in entries.values()),
)
_FREE_LABELS = Rule[dict[str, str]](
    cel=(
        f"self.all(key, !key.startsWith({literal(RESERVED_PREFIX)})"
        f" && !(key in [{', '.join(literal(label) for label in RESERVED_LABELS)}]))"
    ),
    message=(
        "must not replace labels that the operator sets (app.kubernetes.io/..., novacron.io/...), which selectors rely"
        " on: choose another key"
    ),
    holds=lambda entries: all(map(_is_free_label, entries)),
)
_FREE_ANNOTATIONS = Rule[dict[str, str]](
    cel=(f"self.all(key, !key.startsWith({literal(RESERVED_PREFIX)}) && key != {literal(labels.RESTARTED_AT)})"),
    message=f"must not replace annotations that the operator keeps (novacron.io/..., {labels.RESTARTED_AT})",
    holds=lambda entries: all(map(_is_free_annotation, entries)),
)

NodeLabels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32), _KEYS, _VALUES]
Labels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32), _KEYS, _VALUES, _FREE_LABELS]
Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32), _KEYS, _FREE_ANNOTATIONS
]
