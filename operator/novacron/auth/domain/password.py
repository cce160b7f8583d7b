"""What a password may be, and how what a person typed is compared. Pure.

Length is what makes a password strong, so nothing is asked about its composition (NIST SP 800-63B-4, 3.1.1.2;
OWASP ASVS 5.0, V6.2). It is the only factor here, for which both ask for 15 characters.
"""

from __future__ import annotations

import unicodedata

from novacron.core.errors import NovaCronError

SHORTEST = 15
LONGEST = 128
"""Characters. A bound, because what is hashed must be bounded; a passphrase of 20 words fits."""
EMAIL_LONGEST = 254
"""RFC 5321, 4.5.3.1.3, as RFC 3696's erratum 1690 counts it."""

_FEWEST_DISTINCT = 5
_LOCAL_PART_SHORTEST = 4
"""A shorter local part stands in too many words by chance."""
_OURS = "novacron"
_RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
"""What a finger finds by itself: alphabet, digits, rows and columns of keyboards."""
_COMMON = frozenset(
    (
        "correcthorsebatterystaple",
        "thequickbrownfox",
        "thequickbrownfoxjumpsoverthelazydog",
        "letmeinletmeinletmein",
        "iloveyouforever",
        "iloveyousomuch1",
        "administrator123",
        "administrator1234",
        "changemechangeme",
        "changethispassword",
        "mypasswordissecret",
        "mypasswordispassword",
        "passwordpassword1",
        "password12345678",
        "password123456789",
        "password1234567890",
        "passw0rdpassw0rd",
        "qwerty123456789",
        "qwertyuiop123456",
        "qwertyuiop123456789",
        "thisismypassword",
        "thisisapassword",
        "welcome123456789",
        "welcomewelcome1",
        "supersecretpassword",
        "topsecretpassword",
        "nopasswordneeded",
        "1q2w3e4r5t6y7u8i",
        "123456789qwerty",
        "123456789abcdef",
        "abcdefg123456789",
        "princessprincess1",
        "unbelievable123",
        "jesuschristislord",
        "manchesterunited",
        "maytheforcebewithyou",
    )
)
"""Of the shape that lists of leaked passwords have most of at this length, in lower case."""


class WeakPassword(NovaCronError):
    """A new password is refused; the text says why and what to do, and never holds a part of it."""


def normalised(password: str) -> str:
    """One form for what looks the same, as keyboards and systems differ (RFC 8265, OpaqueString: NFC).

    Nothing else is changed: neither case nor spaces, and nothing is cut off.
    """
    return unicodedata.normalize("NFC", password)


def email_key(email: str) -> str:
    """The form in which e-mail addresses are compared: NFC, without regard to case."""
    return unicodedata.normalize("NFC", email.strip()).lower()


def checked(password: str, email: str) -> str:
    """A new password in the form that is hashed. Raises ``WeakPassword``.

    Args:
        email: of the person, whose parts it must not hold.
    """
    found = normalised(password)
    if len(found) < SHORTEST:
        raise WeakPassword(f"is shorter than {SHORTEST} characters; take several words")
    if len(found) > LONGEST:
        raise WeakPassword(f"is longer than {LONGEST} characters; take fewer words")
    folded = found.casefold()
    if _OURS in folded:
        raise WeakPassword(f"holds the word {_OURS}; take words that have nothing to do with this service")
    local = email_key(email).partition("@")[0].casefold()
    if len(local) >= _LOCAL_PART_SHORTEST and local in folded:
        raise WeakPassword("holds the name in the e-mail address; take words that have nothing to do with the person")
    if len(set(folded)) < _FEWEST_DISTINCT or _repeats(folded) or _runs(folded) or folded in _COMMON:
        raise WeakPassword("is one of those that are tried first; take several words that do not belong together")
    return found


def _repeats(text: str) -> bool:
    """Whether it is one piece of at most half its length, over and over, the last time perhaps not in full."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 2 + 1))


def _runs(text: str) -> bool:
    """Whether it is nothing but a walk over keyboard or alphabet, forwards or backwards, once or again."""
    return any(text in run * 8 or text in run[::-1] * 8 for run in _RUNS)
