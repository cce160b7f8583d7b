"""What a body is, by its headers; and that a refusal says what would have been taken."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from novacron.ml.service import media
from novacron.ml.service.media import Media
from novacron.workload.service.answers import Refusal


def _request(**headers: str) -> Request:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": given})


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/x-ndjson", "jsonl"),
        ("Application/JSON; charset=UTF-8", "json"),
        ('text/csv; header=present; charset="utf-8"', "csv"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("application/vnd.apache.arrow.file", "arrow"),
        ("application/vnd.apache.parquet", "parquet"),
    ],
)
def test_content_type_is_the_format(content_type: str, expected: str) -> None:
    assert media.of(_request(content_type=content_type)) == Media(expected, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("coding", "expected"), [("gzip", "gzip"), ("X-GZIP", "gzip"), (" zstd ", "zstd"), ("identity", None)]
)
def test_content_encoding_is_the_compression(coding: str, expected: str | None) -> None:
    assert media.of(_request(content_type="text/csv", content_encoding=coding)).compression == expected


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Content-Type must be one of: application/x-ndjson"),
        ({"content_type": "text/plain"}, "Content-Type must be one of"),
        ({"content_type": "application"}, "Content-Type must be one of"),
        ({"content_type": "application/x-ndjson, text/csv"}, "Content-Type must be one of"),
        ({"content_type": f'text/csv; a="{";" * 30_000}'}, "Content-Type must be one of"),
        ({"content_type": "text/csv; charset=latin-1"}, "charset: only UTF-8"),
        ({"content_type": "text/csv; header=absent"}, "header=absent"),
        ({"content_type": "text/csv", "content_encoding": "br"}, "Content-Encoding must be one of: identity, gzip"),
        ({"content_type": "text/csv", "content_encoding": "gzip, gzip"}, "Content-Encoding must be one of"),
    ],
)
def test_anything_else_is_refused(headers: dict[str, str], said: str) -> None:
    with pytest.raises(Refusal) as refused:
        media.of(_request(**headers))
    assert refused.value.status == 415
    assert said in refused.value.detail
    assert "text/csv" in refused.value.headers["Accept"]
    assert "zstd" in refused.value.headers["Accept-Encoding"]


@pytest.mark.parametrize("name", ["content-type", "content-encoding"])
def test_a_header_that_is_there_twice_is_not_chosen_from(name: str) -> None:
    headers = [(b"content-type", b"text/csv"), (b"content-encoding", b"gzip")]
    headers += [one for one in headers if one[0] == name.encode()]
    with pytest.raises(Refusal):
        media.of(Request({"type": "http", "method": "POST", "headers": headers}))
