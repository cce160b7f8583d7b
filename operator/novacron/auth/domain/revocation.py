"""Which accepted tokens are worth nothing any more: what auth has told of sessions, tokens and subjects.

An item matters until the last token that it concerns has expired. There is a bound: above it the items that end first
are dropped, and every token that ends no later than they is refused in their place, whoever holds it. So memory is
bounded, nothing revoked comes back, and a client that is refused for it refreshes its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from novacron.auth.domain.claims import Claims

Reason = Literal["session_ended", "rotated", "token_revoked", "subject_not_before", "subject_inactive", "forgotten"]
"""``forgotten``: there were too many revocations to keep, and this token may be concerned by a dropped one."""

BELIEVED_SECONDS = 10.0
"""What is known is believed for so long; afterwards nobody can be judged (docs/decisions/0022)."""
GRACE_SECONDS = 30.0
"""For so long after a rotation the token of the rotation before is still accepted (docs/decisions/0018)."""
MOST = 200_000
"""Items that are kept: some 50 MB."""
_KEPT_SHARE = 0.9
"""Of them, when there were too many: so the next one too many does not come at once."""
_STEP = 60
"""Seconds: items are dropped by the minute in which they end, so that nobody has to look at all of them."""


class InvalidItem(ValueError):
    """An item of the feed that cannot be understood; the text names the member and never its value."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """A token that is worth nothing."""

    expires: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """A session goes on with ``rotation`` since ``at``; an ended session has none."""

    rotation: int | None
    at: float
    expires: int


@dataclass(frozen=True, slots=True)
class Barred:
    """Tokens of a subject issued before ``not_before`` are refused; ``active``: it may log in all the same.

    Those of one that is not active all are, whatever their date: the clock of the pod that signed may be ahead of the
    database's, which the bound is from.
    """

    not_before: int
    active: bool
    at: float
    expires: int


class _Ends(Protocol):
    @property
    def expires(self) -> int: ...


E = TypeVar("E", bound=_Ends)


class _Table(Generic[E]):
    """Items by id, and by the minute in which they end."""

    def __init__(self) -> None:
        self.items: dict[str, E] = {}
        self.minutes: dict[int, list[str]] = {}
        """An id whose end was put off stands under the earlier minute too, where it is passed over."""

    def put(self, key: str, item: E) -> None:
        before, minute = self.items.get(key), item.expires // _STEP
        self.items[key] = item
        if before is None or before.expires // _STEP != minute:
            self.minutes.setdefault(minute, []).append(key)

    def drop(self, minute: int) -> None:
        for key in self.minutes.pop(minute, ()):
            item = self.items.get(key)
            if item is not None and item.expires // _STEP == minute:
                del self.items[key]


class Revocations:
    """What is known. Items may come in any order and more than once.

    Args:
        most: items that are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sessions: _Table[Rotated] = _Table()
        self._subjects: _Table[Barred] = _Table()
        self._tokens: _Table[Revoked] = _Table()
        self._tables: tuple[_Table[Any], ...] = (self._sessions, self._subjects, self._tokens)
        self._forgotten = 0
        """Tokens that expire at this time or before may be concerned by an item that was dropped."""

    def __len__(self) -> int:
        return sum(len(table.items) for table in self._tables)

    def verdict(self, claims: Claims, now: float) -> Reason | None:
        """Why a token is worth nothing; None: nothing is known against it.

        Args:
            now: seconds since the epoch.
        """
        if claims.expires <= self._forgotten:
            return "forgotten"
        if claims.id in self._tokens.items:
            return "token_revoked"
        barred = self._subjects.items.get(claims.subject)
        if barred is not None and not barred.active:
            return "subject_inactive"
        if barred is not None and claims.issued < barred.not_before:
            return "subject_not_before"
        if claims.session is None or claims.rotation is None:
            return None
        known = self._sessions.items.get(claims.session)
        return _judged(known, claims.rotation, now) if known is not None else None

    def add(self, item: Mapping[str, Any]) -> None:
        """One item of the feed. Raises ``InvalidItem``, and nothing of it is taken."""
        expires = _whole(item, "expires")
        if "sid" in item:
            rotation = _whole(item, "rot") if "rot" in item else None
            self._add_session(_text(item, "sid"), Rotated(rotation, _moment(item), expires))
        elif "sub" in item:
            active = item.get("active", True)
            if not isinstance(active, bool):
                raise InvalidItem("active: must be true or false")
            self._add_subject(_text(item, "sub"), Barred(_whole(item, "not_before"), active, _moment(item), expires))
        else:
            token = _text(item, "jti")
            old = self._tokens.items.get(token)
            self._tokens.put(token, Revoked(max(expires, old.expires) if old is not None else expires))

    def tidy(self, now: float) -> None:
        """Drops what concerns no living token, and, where there is too much, what ends first."""
        passed = int(now) // _STEP
        for minute in [minute for table in self._tables for minute in table.minutes if minute < passed]:
            self._drop(minute)
        if len(self) > self._most:
            while len(self) > self._most * _KEPT_SHARE:
                first = min(minute for table in self._tables for minute in table.minutes)
                self._forgotten = (first + 1) * _STEP - 1
                self._drop(first)

    def _drop(self, minute: int) -> None:
        for table in self._tables:
            table.drop(minute)

    def _add_session(self, sid: str, new: Rotated) -> None:
        """An end is final, and of two rotations the higher holds."""
        old = self._sessions.items.get(sid)
        if old is not None:
            expires = max(old.expires, new.expires)
            ended = old.rotation is None or new.rotation is None
            later = new if ended or (new.rotation or 0) > (old.rotation or 0) else old
            new = Rotated(None if ended else later.rotation, later.at, expires)
        self._sessions.put(sid, new)

    def _add_subject(self, sub: str, new: Barred) -> None:
        old = self._subjects.items.get(sub)
        if old is not None:
            later = new if new.at >= old.at else old
            not_before, expires = max(old.not_before, new.not_before), max(old.expires, new.expires)
            new = Barred(not_before, later.active, later.at, expires)
        self._subjects.put(sub, new)


def _judged(known: Rotated, rotation: int, now: float) -> Reason | None:
    if known.rotation is None:
        return "session_ended"
    behind = known.rotation - rotation
    if behind <= 0 or (behind == 1 and now <= known.at + GRACE_SECONDS):
        return None
    return "rotated"


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidItem(f"{name}: must be a text that is not empty")
    return value


def _whole(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidItem(f"{name}: must be a whole number, 0 or more")
    return value


def _moment(item: Mapping[str, Any]) -> float:
    value = item.get("at")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidItem("at: must be a number of seconds")
    return float(value)
