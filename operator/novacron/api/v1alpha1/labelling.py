"""Labels and annotations that administrators add to objects; those that the operator relies on cannot be replaced."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from novacron.api.v1alpha1.rules import Rule, literal
from novacron.api.v1alpha1.scalars import OBJECT_PREFIX
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

# Short patterns (\w and \W read with re.ASCII, as RE2 does), because the server's estimate counts their length.
NAME = r"[^\W_]([-\w.]{0,61}[^\W_])?"
"""The name in a qualified name."""

KEY = f"^({OBJECT_PREFIX})?{NAME}$"
ODD_VALUE = r"^[-_.]|[^-\w.]|[-_.]$"
"""What no label's value may hold."""

PROFILE_PREFIXES = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")
"""Annotations by which a pod could take off the profiles that the operator puts on."""


def is_label_key(text: str) -> bool:
    """Whether a label or an annotation may have this key."""
    return re.fullmatch(KEY, text, re.ASCII) is not None


def is_label_value(text: str) -> bool:
    """Whether a label may have this value; its length is the schema's matter."""
    return re.search(ODD_VALUE, text, re.ASCII) is None


def _is_free_label(key: str) -> bool:
    return not key.startswith(RESERVED_PREFIX) and key not in RESERVED_LABELS


def _is_free_annotation(key: str) -> bool:
    return not key.startswith((RESERVED_PREFIX, *PROFILE_PREFIXES)) and key != labels.RESTARTED_AT


KEYS = Rule[dict[str, str]](
    cel=f"self.all(key, key.matches({literal(KEY)}))",
    message="keys must be names such as team or example.com/team",
    holds=lambda entries: all(map(is_label_key, entries)),
)
VALUES = Rule[dict[str, str]](
    cel=f"self.all(key, !self[key].matches({literal(ODD_VALUE)}))",
    message="values must be empty or at most 63 letters, digits, -, _ and ., with a letter or digit at both ends",
    holds=lambda entries: all(map(is_label_value, entries.values())),
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
    cel=(
        f"self.all(key, key != {literal(labels.RESTARTED_AT)}"
        + "".join(f" && !key.startsWith({literal(prefix)})" for prefix in (RESERVED_PREFIX, *PROFILE_PREFIXES))
        + ")"
    ),
    message=(
        f"must not replace annotations that the operator keeps (novacron.io/..., {labels.RESTARTED_AT}), nor set"
        " AppArmor or seccomp profiles: spec.security does"
    ),
    holds=lambda entries: all(map(_is_free_annotation, entries)),
)

NodeLabels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32), KEYS, VALUES]
Labels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32), KEYS, VALUES, _FREE_LABELS]
Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32), KEYS, _FREE_ANNOTATIONS
]
