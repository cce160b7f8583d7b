"""The frames of a zstd stream, watched on their way to the library.

The library takes the end of the stream for the end of the data, wherever that is, so that half a file would count as a
whole one; and its refusal of a large window does not say how large.
"""

from __future__ import annotations

import zstandard

from novacron.ml.service.sources.blocks import Readable
from novacron.ml.service.sources.report import Unreadable

MOST_WINDOW = 8 << 20
"""What every decoder should support (RFC 8878, 3.1.1.1.2); more would be memory that the sender decides on."""
_MAGIC = 4
_SKIPPABLE_HEADER = 8
_DESCRIBED = 5
"""Bytes that tell how long a frame's header is."""
_BLOCK_HEADER = 3
_CHECKSUM = 4
_RLE = 1


class Frames:
    """Reads what the stream reads, and knows whether a frame is open."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.read_bytes = 0
        self._header = b""
        self._wanted = _MAGIC
        """Bytes of the next header."""
        self._body = 0
        """Bytes to come before it."""
        self._in_frame = False
        self._checksum = 0
        self._foreign = False

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises ``Unreadable``: a frame needs too large a window."""
        piece = self._stream.read(size)
        self.read_bytes += len(piece)
        place = 0
        while place < len(piece) and not self._foreign:
            if self._body:
                taken = min(self._body, len(piece) - place)
                self._body -= taken
            else:
                taken = min(self._wanted - len(self._header), len(piece) - place)
                self._header += piece[place : place + taken]
                if len(self._header) == self._wanted:
                    self._understand()
            place += taken
        return piece

    def ended(self) -> None:
        """The stream has no more bytes. Raises ``Unreadable`` within a frame."""
        if self._in_frame or self._body or self._header:
            raise Unreadable(f"the zstd stream ends early, after {self.read_bytes} bytes; fetch or write it anew")

    def _understand(self) -> None:
        header = self._header
        if self._in_frame:
            self._block(int.from_bytes(header, "little"))
        elif header.startswith(zstandard.FRAME_HEADER):
            self._wanted = max(_DESCRIBED, zstandard.frame_header_size(header) if len(header) >= _DESCRIBED else 0)
            if len(header) == self._wanted:
                self._frame(header)
        elif header[1:4] == b"\x2a\x4d\x18" and header[0] >> 4 == 5:  # 3.1.2: a frame to be skipped
            self._wanted = _SKIPPABLE_HEADER
            if len(header) == _SKIPPABLE_HEADER:
                self._next(body=int.from_bytes(header[_MAGIC:], "little"), wanted=_MAGIC)
        else:
            self._foreign = True  # which the library says better

    def _frame(self, header: bytes) -> None:
        parameters = zstandard.get_frame_parameters(header)
        if parameters.window_size > MOST_WINDOW:
            raise Unreadable(
                f"the zstd stream needs a window of {parameters.window_size} bytes, more than {MOST_WINDOW}; "
                "compress it without --long and --ultra, or decompress it first"
            )
        self._in_frame, self._checksum = True, _CHECKSUM if parameters.has_checksum else 0
        self._next(body=0, wanted=_BLOCK_HEADER)

    def _block(self, header: int) -> None:
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        body = 1 if kind == _RLE else size
        if last:
            self._in_frame = False
            self._next(body=body + self._checksum, wanted=_MAGIC)
        else:
            self._next(body=body, wanted=_BLOCK_HEADER)

    def _next(self, *, body: int, wanted: int) -> None:
        self._header, self._body, self._wanted = b"", body, wanted
