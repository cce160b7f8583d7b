"""The header Authorization: whose it is to carry one bearer token, and nothing else (RFC 6750, RFC 9110 11.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Why = Literal["missing", "other_scheme", "empty", "doubled"]

_SCHEME = b"bearer"


class NoBearer(Exception):
    """There is no bearer token.

    Args:
        why: doubled and empty headers are no HTTP as it should be; the others lack what is asked for here.
    """

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


def bearer(values: Sequence[bytes]) -> bytes:
    """The token, whatever is in it. Raises ``NoBearer``.

    Args:
        values: of each header Authorization of the request.
    """
    if not values:
        raise NoBearer("missing")
    if len(values) > 1:
        raise NoBearer("doubled")
    scheme, _, credentials = values[0].partition(b" ")
    if not scheme:
        raise NoBearer("empty")
    if scheme.lower() != _SCHEME:
        raise NoBearer("other_scheme")
    token = credentials.lstrip(b" ")
    if not token:
        raise NoBearer("empty")
    return token
