"""A judge of tokens who knows one, and how often he was asked: RSA is tested where it is."""

from __future__ import annotations

from novacron.auth.domain.claims import Claims
from novacron.auth.domain.refusal import Expired
from tests.unit.auth.service.feed_source import claims

GOOD = "good-token"


class Judge:
    """Args:
    known: what the token says.
    """

    def __init__(self, known: Claims | None = None) -> None:
        self._known = known or claims()
        self.asked = 0

    def validate(self, token: bytes, now: float) -> Claims:
        self.asked += 1
        if token != GOOD.encode():
            raise Expired("exp")
        return self._known
