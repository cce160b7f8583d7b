"""What people, organizations and service accounts may be called. Pure.

One form for what looks the same (NFC), nothing invisible, nothing at the edges. E-mail addresses are names to log in
with: plain ones, without quotes, comments or address literals, which RFC 5321 allows and nobody has.
"""

from __future__ import annotations

import re
import unicodedata

from novacron.auth.domain.password import EMAIL_LONGEST, email_key
from novacron.core.errors import NovaCronError

LONGEST = 128
"""Characters of a name."""
_LOCAL_LONGEST = 64
"""Octets (RFC 5321, 4.5.3.1.1)."""
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")


class InvalidName(NovaCronError):
    """A name is refused; the text says why and what to do, and never holds a part of it."""


def name(text: str) -> str:
    """A name as it is stored. Raises ``InvalidName``."""
    found = unicodedata.normalize("NFC", text)
    if not found or len(found) > LONGEST:
        raise InvalidName(f"must have 1 to {LONGEST} characters")
    if not found.isprintable():
        raise InvalidName("must not hold control characters or others that nobody sees; leave them out")
    if found != found.strip() or "  " in found:
        raise InvalidName("must not begin or end with a blank, nor hold two in a row; leave them out")
    return found


def email(text: str) -> str:
    """An e-mail address as it is stored and compared: NFC, in lower case. Raises ``InvalidName``."""
    found = email_key(text)
    local, _, domain = found.rpartition("@")
    if found != unicodedata.normalize("NFC", text).lower():
        raise InvalidName("must not begin or end with a blank; leave it out")
    if len(found.encode()) > EMAIL_LONGEST or len(local.encode()) > _LOCAL_LONGEST:
        raise InvalidName(f"must have at most {EMAIL_LONGEST} bytes, {_LOCAL_LONGEST} of them before the @")
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise InvalidName("must be a plain e-mail address: name@example.org")
    return found
