"""Compressed streams, decompressed piece by piece: never more at once than what was asked for."""

from __future__ import annotations

import zlib
from typing import IO, cast

import zstandard

from novacron.ml.service.sources.blocks import Readable
from novacron.ml.service.sources.report import Unreadable
from novacron.ml.service.sources.zstd_frames import MOST_WINDOW, Frames

_PIECE = 64 << 10
"""Of the compressed stream."""
_GZIP_WINDOW = 31
"""zlib's word for a header of gzip."""


class Gunzipped:
    """A gzip stream of one or more members (RFC 1952), as plain bytes."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._inside = False
        self._members = 0
        self._rest = b""
        self._read = 0

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises ``Unreadable``: the stream is damaged, or ends early."""
        while True:
            ended = not self._rest and not self._more()
            if not self._inside:
                if self._members:  # zeros, with which tapes and disks are filled up, may follow
                    self._rest = self._rest.lstrip(b"\0")
                if ended:
                    return b""
                if not self._rest:
                    continue
                self._member, self._inside = zlib.decompressobj(_GZIP_WINDOW), True
            if plain := self._decompressed(size):
                return plain
            if ended and self._inside:
                raise Unreadable(f"the gzip stream ends early, after {self._read} bytes; fetch or write it anew")

    def _more(self) -> bytes:
        self._rest = self._stream.read(_PIECE)
        self._read += len(self._rest)
        return self._rest

    def _decompressed(self, size: int) -> bytes:
        try:
            plain = self._member.decompress(self._rest, size)
        except zlib.error as error:
            place = self._read - len(self._rest)
            raise Unreadable(
                f"the gzip stream is damaged behind byte {place}: {error}; fetch or write it anew"
            ) from None
        self._rest = self._member.unconsumed_tail
        if self._member.eof:
            self._rest = self._member.unused_data
            self._inside, self._members = False, self._members + 1
        return plain


class Unzstded:
    """A stream of zstd frames (RFC 8878), as plain bytes."""

    def __init__(self, stream: Readable) -> None:
        self._frames = Frames(stream)
        decompressor = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW)
        frames = cast(IO[bytes], self._frames)  # of which it calls ``read`` alone
        self._plain = decompressor.stream_reader(frames, read_size=_PIECE, read_across_frames=True)

    def read(self, size: int, /) -> bytes:
        """At most so many bytes. Raises ``Unreadable``: damaged, cut off, or it asks for too much memory."""
        try:
            plain = self._plain.read(size)
        except zstandard.ZstdError as error:
            place = self._frames.read_bytes
            raise Unreadable(
                f"the zstd stream is damaged before byte {place}: {error}; fetch or write it anew"
            ) from None
        if not plain:
            self._frames.ended()
        return plain
