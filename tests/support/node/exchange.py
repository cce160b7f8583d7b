"""One HTTP request from inside the box, as a client of a Service or of a pod would send it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack
from urllib.parse import urlencode

from tests.support.node.box import Box

_SCRIPT = """
import http.client, json, sys
asked = json.load(sys.stdin)
line = http.client.HTTPConnection(asked["host"], asked["port"], timeout=15)
line.request(asked["method"], asked["path"], asked["body"], asked["headers"])
answer = line.getresponse()
headers = {name.lower(): value for name, value in answer.getheaders()}
json.dump({"status": answer.status, "headers": headers, "body": answer.read().decode()}, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Args:
    headers: names in lower case.
    text: of the body; kept out of a failed test's representation, for it may hold a token.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Sent(TypedDict, total=False):
    """What a request has besides its path.

    Args:
        body: sent as JSON.
        form: sent instead of that, as OAuth's endpoints take it.
        bearer: an access token.
    """

    body: Any
    form: Mapping[str, str]
    bearer: str


def ask(box: Box, address: str, port: int, method: str, path: str, **sent: Unpack[Sent]) -> Answer:
    headers, content = {}, None
    if "body" in sent:
        headers["Content-Type"], content = "application/json", json.dumps(sent["body"])
    elif "form" in sent:
        headers["Content-Type"], content = "application/x-www-form-urlencoded", urlencode(sent["form"])
    if "bearer" in sent:
        headers["Authorization"] = f"Bearer {sent['bearer']}"
    question = {"host": address, "port": port, "method": method, "path": path, "body": content, "headers": headers}
    found = json.loads(box.run(sys.executable, "-I", "-S", "-c", _SCRIPT, input=json.dumps(question)))
    return Answer(found["status"], found["headers"], found["body"])
