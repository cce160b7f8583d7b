"""What a mounted file means."""

from __future__ import annotations

from collections.abc import Mapping

from novacron.core.dependencies import Unusable


def text(files: Mapping[str, bytes], name: str) -> str:
    """A file without the newline that an editor put at its end; empty where there is none. Raises ``Unusable``."""
    try:
        found = files.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        raise Unusable("FileInvalid", f"{name} is no text in UTF-8") from None
    found = found.removesuffix("\n").removesuffix("\r")
    if any(char in found for char in "\0\n\r"):
        raise Unusable("FileInvalid", f"{name} has more than one line")
    return found
