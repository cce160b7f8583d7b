"""gzip and zstd: the same rows, bounded memory, and no half file that passes for a whole one."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from novacron.ml.domain.budget import Pace
from novacron.ml.service.sources.compression import Gunzipped, Unzstded
from novacron.ml.service.sources.opened import opened
from novacron.ml.service.sources.report import Report, Unreadable
from tests.support.chunks import Dribble, table, together

TEXT = b"".join(b'{"cpu":%d.5,"zone":"zone-%d"}\n' % (place, place % 7) for place in range(3000))
ROWS = [{"cpu": place + 0.5, "zone": f"zone-{place % 7}"} for place in range(3000)]
SKIPPED = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"


def zstd(text: bytes, *, checksum: bool = True, window: int | None = None) -> bytes:
    """A frame."""
    if window is None:
        return zstandard.ZstdCompressor(write_checksum=checksum).compress(text)
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=window)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(text) + compressor.flush()


WHOLE = {
    "gzip": gzip.compress(TEXT),
    "gzip members": gzip.compress(TEXT[:5000]) + gzip.compress(b"") + gzip.compress(TEXT[5000:]) + b"\0" * 700,
    "zstd": zstd(TEXT),
    "zstd frames": SKIPPED + zstd(TEXT[:5000], checksum=False) + SKIPPED + zstd(b"") + zstd(TEXT[5000:]),
    "zstd window": zstd(TEXT, window=23),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_what_it_is_shows_in_its_first_bytes(kind: str) -> None:
    found = together(opened(Dribble(WHOLE[kind], 1, 900), pace=Pace(), report=Report()))
    assert found == table(ROWS)


@given(text=st.binary(max_size=3000), sizes=st.lists(st.integers(1, 700), min_size=1), seed=st.integers(0, 99))
@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_never_more_than_was_asked_for(kind: str, text: bytes, sizes: list[int], seed: int) -> None:
    many = text * 50
    stream: Gunzipped | Unzstded
    if kind == "gzip":
        stream = Gunzipped(Dribble(gzip.compress(many) * 2, seed))
    else:
        stream = Unzstded(Dribble(zstd(many) * 2, seed))
    found, turn = b"", 0
    while piece := stream.read(sizes[turn % len(sizes)]):
        assert len(piece) <= sizes[turn % len(sizes)]
        found, turn = found + piece, turn + 1
    assert found == many * 2


@pytest.mark.parametrize("kind", WHOLE)
def test_a_stream_that_was_cut_off_is_no_whole_one(kind: str) -> None:
    whole = WHOLE[kind].rstrip(b"\0")
    ends = (
        {len(gzip.compress(TEXT[:5000])), len(gzip.compress(TEXT[:5000]) + gzip.compress(b""))}
        if "members" in kind
        else set()
    )
    if "frames" in kind:
        parts = [SKIPPED, zstd(TEXT[:5000], checksum=False), SKIPPED, zstd(b"")]
        ends = {sum(map(len, parts[:count])) for count in range(1, len(parts) + 1)}
    for size in {5, 12, *range(20, len(whole), 97), *range(len(whole) - 9, len(whole))} - ends:
        report = Report()
        with pytest.raises(Unreadable, match=f"ends early, after {size} bytes"):
            together(
                opened(io.BytesIO(whole[:size]), compression=kind.split(maxsplit=1)[0], pace=Pace(), report=report)
            )


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_damage_is_found(kind: str) -> None:
    for place in range(40, len(WHOLE[kind]) - 20, 211):
        damaged = bytearray(WHOLE[kind])
        damaged[place] ^= 0x55
        with pytest.raises(Unreadable, match=r"is damaged|ends early|window"):
            together(opened(io.BytesIO(bytes(damaged)), format="jsonl", pace=Pace(), report=Report()))


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_what_is_behind_must_be_more_of_it(kind: str) -> None:
    with pytest.raises(Unreadable, match="is damaged"):
        together(opened(io.BytesIO(WHOLE[kind] + b"garbage"), pace=Pace(), report=Report()))


def test_a_large_window_is_refused_by_its_size() -> None:
    with pytest.raises(Unreadable, match="a window of 134217728 bytes, more than 8388608"):
        together(opened(io.BytesIO(zstd(TEXT, window=27)), pace=Pace(), report=Report()))


def test_a_compression_must_be_one() -> None:
    with pytest.raises(Unreadable, match="no compression 'lz4'"):
        together(opened(io.BytesIO(b""), compression="lz4", pace=Pace(), report=Report()))


def test_a_member_ends_where_it_says_though_all_was_read() -> None:
    """The last bytes of a member may come when nothing more is to be decompressed."""
    text = b"a" * 100_000
    packed = gzip.compress(text)
    stream = Gunzipped(io.BytesIO(packed))
    assert b"".join(iter(lambda: stream.read(7), b"")) == text
    assert zlib.crc32(text) == int.from_bytes(packed[-8:-4], "little")
