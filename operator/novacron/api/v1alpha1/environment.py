"""Environment variables that administrators add to a workload.

Credentials do not belong here (they are mounted as files), nor do the names that the operator sets itself.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from novacron.api.v1alpha1.base import Model
from novacron.api.v1alpha1.rules import ListMap, Rule, literal, matching

RESERVED_ENV = (
    "HOME",
    "HOSTNAME",
    "PATH",
    "TMPDIR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSAFEPATH",
    "PYTHONUNBUFFERED",
)
"""Names that the operator or the image sets; a given one would break the process or be overruled."""

RESERVED_ENV_PREFIXES = ("NOVACRON_", "POD_", "KUBERNETES_")
"""Prefixes of names that the operator or Kubernetes sets."""

_CREDENTIAL = (
    "(?i)(passw|passphrase|secret|token($|_|[0-9])|credential|dbpass"
    "|(api|access|private|signing|encryption|auth|master|session|hmac|tls|ssh|gpg|shared)_?key"
    "|(^|_)(pwd|pass|pw|pat|creds?|jwt|bearer|authorization|basic_?auth|dsn)($|_)"
    "|(database|db|postgres|postgresql|pg|mysql|mongo|mongodb|redis|amqp|rabbitmq|jdbc)_?(url|uri)"
    "|conn(ection)?_?str)"
)
_LOGIN = "://[^/@ ]*:[^/@ ]+@"
_RESERVED = f"^(?:(?:{'|'.join(RESERVED_ENV)})$|(?:{'|'.join(RESERVED_ENV_PREFIXES)}))"

EnvName = Annotated[
    str,
    Field(max_length=128, description="Name: letters, digits and _, no digit first."),
    matching("[A-Za-z_][A-Za-z0-9_]*", "must be a name of letters, digits and _ that does not begin with a digit"),
    Rule[str](
        cel=f"!self.matches({literal(_CREDENTIAL)})",
        message=(
            "looks like a credential, which must not stand in the resource: put it into Vault or a Secret and name it"
            " under spec.secrets"
        ),
        holds=lambda name: re.search(_CREDENTIAL, name) is None,
    ),
    Rule[str](
        cel=f"!self.matches({literal(_RESERVED)})",
        message="is set by the operator or by Kubernetes: leave it out, or choose another name",
        holds=lambda name: re.search(_RESERVED, name) is None,
    ),
]


class EnvironmentVariable(Model):
    """One variable of the container."""

    name: EnvName
    value: Annotated[
        str,
        Field(max_length=4096, description="Value, in plain text; no credentials."),
        Rule[str](
            cel=f"!self.matches({literal(_LOGIN)})",
            message=(
                "holds an address with a login, which must not stand in the resource: put it into Vault or a Secret and"
                " name it under spec.secrets"
            ),
            holds=lambda value: re.search(_LOGIN, value) is None,
        ),
    ] = ""


EnvironmentVariables = Annotated[
    tuple[EnvironmentVariable, ...],
    Field(
        max_length=100,
        description="Further environment variables, at most 100. Names that look like a credential, and those that the"
        " operator sets itself, are refused.",
    ),
    ListMap(),
]
