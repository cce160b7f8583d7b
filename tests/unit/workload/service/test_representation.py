"""Documents with entity tags: told once, compressed once, and only for those who take it."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from novacron.workload.service.representation import Representation

LARGE = b'{"items": [' + b'"0123456789", ' * 200 + b'"x"]}'


def answer(one: Representation, method: str = "GET", **headers: str) -> Response:
    given = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return asyncio.run(one.answer(Request({"type": "http", "method": method, "headers": given})))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_the_tag_is_that_of_the_content(one: bytes, other: bytes) -> None:
    assert (Representation(one).tag == Representation(other).tag) == (one == other)


def test_a_document_is_answered_with_its_tag_and_kept_by_its_reader_alone() -> None:
    one = Representation(b"{}")
    found = answer(one)
    assert (found.status_code, found.body, found.media_type) == (200, b"{}", "application/json")
    assert found.headers["etag"] == one.tag
    assert found.headers["cache-control"] == "private, no-cache"
    assert found.headers["vary"] == "Accept-Encoding, Authorization"


def test_headers_of_the_caller_come_along() -> None:
    found = asyncio.run(
        Representation(b"{}").answer(Request({"type": "http", "method": "GET", "headers": []}), {"X": "1"})
    )
    assert found.headers["x"] == "1"


@pytest.mark.parametrize("form", ["{tag}", "*", '"x", {tag}', '"x",{tag} , "y"', "{opaque}", " {tag} "])
def test_who_has_it_is_told_so(form: str) -> None:
    one = Representation(LARGE)
    sent = form.format(tag=one.tag, opaque=one.tag.removeprefix("W/"))
    for method in ("GET", "HEAD"):
        found = answer(one, method, If_None_Match=sent, Accept_Encoding="gzip")
        assert (found.status_code, found.body) == (304, b"")
        assert found.headers["etag"] == one.tag
        assert found.headers["vary"] == "Accept-Encoding, Authorization"
        assert "content-encoding" not in found.headers


@pytest.mark.parametrize("form", ["", '"x"', "{bare}", 'W/"x", "{bare}x"', "w/{opaque}"])
def test_who_has_another_one_gets_this_one(form: str) -> None:
    one = Representation(b"{}")
    opaque = one.tag.removeprefix("W/")
    sent = form.format(bare=opaque.strip('"'), opaque=opaque)
    assert answer(one, If_None_Match=sent).status_code == 200


def test_an_answer_to_a_question_is_no_document_that_anybody_has() -> None:
    assert answer(Representation(b"{}"), "POST", If_None_Match="*").status_code == 200


@pytest.mark.parametrize(
    "accepted", ["gzip", "GZIP", "br, gzip", "gzip;q=0.1", "gzip; q=1.000", "*", "br;q=1.0, *;q=0.5", "identity, gzip"]
)
def test_who_takes_gzip_gets_it(accepted: str) -> None:
    one = Representation(LARGE)
    found = answer(one, Accept_Encoding=accepted)
    assert found.headers["content-encoding"] == "gzip"
    assert gzip.decompress(found.body) == LARGE
    assert len(found.body) * 10 < len(LARGE)
    assert found.headers["content-length"] == str(len(found.body))
    assert found.headers["etag"] == one.tag  # weak: the same for both


@pytest.mark.parametrize(
    "accepted",
    ["", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "gzip;q=canary", "gzip;q=", "xgzip"],
)
def test_who_does_not_take_gzip_does_not_get_it(accepted: str) -> None:
    found = answer(Representation(LARGE), Accept_Encoding=accepted)
    assert "content-encoding" not in found.headers
    assert found.body == LARGE


def test_small_ones_are_not_compressed() -> None:
    assert "content-encoding" not in answer(Representation(b"{}"), Accept_Encoding="gzip").headers


def test_it_is_compressed_once_and_says_what_it_holds() -> None:
    one = Representation(LARGE)
    assert one.size == len(LARGE)
    first, second = (answer(one, Accept_Encoding="gzip").body for _ in range(2))
    assert first is second
    assert one.size == len(LARGE) + len(first)


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=50))
def test_whatever_a_client_sends_it_gets_the_document(text: str) -> None:
    given = [(b"accept-encoding", text.encode("latin-1")), (b"if-none-match", text.encode("latin-1"))]
    found = asyncio.run(Representation(b"{}").answer(Request({"type": "http", "method": "GET", "headers": given})))
    assert found.status_code in (200, 304)
