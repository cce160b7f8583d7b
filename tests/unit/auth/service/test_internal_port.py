"""What is said to auth's internal port, and every answer that is no answer; the key is in none of it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from novacron.adapters.plain_http import Answer, Request
from novacron.auth.service.internal_port import InternalPort, Page, UnknownCursor
from novacron.core.dependencies import Unusable

KEY = "canary-key"


class Line:
    """Remembers what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.answer


def _port(directory: Path, status: int = 200, body: object = None) -> tuple[InternalPort, Line]:
    (directory / "key").write_text(KEY + "\n")
    line = Line(Answer(status, body if isinstance(body, bytes) else orjson.dumps(body)))
    return InternalPort("http://auth:8081", directory / "key", line), line


async def test_revocations_are_asked_for(tmp_path: Path) -> None:
    item = {"jti": "a", "expires": 7}
    port, line = _port(tmp_path, body={"cursor": "b", "as_of": 1.5, "items": [item], "more": True})
    assert await port.revocations(None) == Page("b", [item], True)
    await port.revocations("a&b c")
    assert [request.target for request in line.requests] == [
        "/internal/v1/revocations",
        "/internal/v1/revocations?after=a%26b%20c",
    ]
    assert line.requests[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_a_page_says_itself_whether_there_is_more(tmp_path: Path) -> None:
    port, _ = _port(tmp_path, body={"cursor": "b", "as_of": 1.5, "items": []})
    assert (await port.revocations(None)).more is False


async def test_a_new_key_is_used_at_once(tmp_path: Path) -> None:
    port, line = _port(tmp_path, body={"cursor": "b", "items": []})
    await port.revocations(None)
    (tmp_path / "key").write_text("another")
    await port.revocations(None)
    assert line.requests[1].headers["Authorization"] == "Bearer another"


async def test_activity_is_told(tmp_path: Path) -> None:
    port, line = _port(tmp_path, 204, b"")
    await port.active({"s": 1.5})
    (request,) = line.requests
    assert (request.method, request.target) == ("POST", "/internal/v1/activity")
    assert orjson.loads(request.body) == {"sessions": [{"sid": "s", "at": 1.5}]}


async def test_an_unknown_cursor_is_no_failure(tmp_path: Path) -> None:
    port, _ = _port(tmp_path, 410, {})
    with pytest.raises(UnknownCursor):
        await port.revocations("a")


NO_ANSWERS: dict[str, tuple[int, object, str]] = {
    "another key is asked for": (401, {}, "Refused"),
    "auth misses its database": (503, {}, "NotServing"),
    "something else is there": (404, {}, "Refused"),
    "no JSON": (200, b"<html>", "Refused"),
    "no object": (200, [1], "Refused"),
    "no cursor": (200, {"items": []}, "Refused"),
    "a cursor that is none": (200, {"cursor": 1, "items": []}, "Refused"),
    "items that are none": (200, {"cursor": "a", "items": [1]}, "Refused"),
    "more of what": (200, {"cursor": "a", "items": [], "more": "yes"}, "Refused"),
}


@pytest.mark.parametrize(("status", "body", "reason"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer(tmp_path: Path, status: int, body: object, reason: str) -> None:
    port, _ = _port(tmp_path, status, body)
    with pytest.raises(Unusable) as told:
        await port.revocations(None)
    assert told.value.reason == reason
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "FileMissing"), ("a\nb", "FileInvalid"), ("tab\there", "FileInvalid"), ("kéy", "FileInvalid")],
)
async def test_a_key_that_is_none(tmp_path: Path, content: str, reason: str) -> None:
    port, line = _port(tmp_path)
    (tmp_path / "key").write_text(content)
    with pytest.raises(Unusable) as told:
        await port.revocations(None)
    assert told.value.reason == reason
    assert line.requests == []


async def test_no_folder_of_the_key(tmp_path: Path) -> None:
    line = Line(Answer(200, b""))
    with pytest.raises(Unusable, match="FileMissing"):
        await InternalPort("http://auth:8081", tmp_path / "none" / "key", line).revocations(None)
