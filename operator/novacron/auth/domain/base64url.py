"""base64url without padding, as JOSE has it (RFC 7515 section 2), and only the one canonical form of each byte string.

Python's own decoder drops what it does not know and ignores unused bits, so one token would have several spellings.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL = _STANDARD[:-2] + b"-_"
_FOREIGN = b"!"
_CHECKING = bytes(
    _STANDARD[_URL.index(byte)] if byte in _URL else byte if byte == ord(".") else ord(_FOREIGN) for byte in range(256)
)
_TO_URL = bytes.maketrans(_STANDARD, _URL)
_ENDS = (_STANDARD, b"", _STANDARD[::16], _STANDARD[::4])
"""Length modulo 4 -> the last characters whose unused bits are zero; one character alone is no byte."""
_PADDING = (b"", b"", b"==", b"=")


def standard(text: bytes) -> bytes:
    """The same in the alphabet of RFC 4648 section 4, which :func:`standard_decoded` takes; dots stay.

    Raises:
        ValueError: there is something else than base64url and dots.
    """
    found = text.translate(_CHECKING)
    if _FOREIGN in found:
        raise ValueError("not base64url")
    return found


def standard_decoded(text: bytes) -> bytes:
    """The bytes of a part without dots from :func:`standard`.

    Raises:
        ValueError: not canonical (RFC 4648 section 3.5).
    """
    rest = len(text) % 4
    if rest and text[-1] not in _ENDS[rest]:
        raise ValueError("not canonical base64url")
    return a2b_base64(text + _PADDING[rest])


def decoded(text: bytes) -> bytes:
    """The bytes.

    Raises:
        ValueError: not base64url, or not canonical.
    """
    if b"." in text:
        raise ValueError("not base64url")
    return standard_decoded(standard(text))


def encoded(content: bytes) -> str:
    return b2a_base64(content, newline=False).rstrip(b"=").translate(_TO_URL).decode()
