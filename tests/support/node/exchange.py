"""One HTTP request from inside the box, as a client of a Service or of a pod would send it; of any length, too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
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
_STREAM = """
import http.client, itertools, json, sys
asked = json.load(sys.stdin)
with open(asked["file"], "rb") as file:
    piece = file.read()
line = http.client.HTTPConnection(asked["host"], asked["port"], timeout=asked["seconds"])
body = itertools.repeat(piece, asked["times"])
line.request("POST", asked["path"], body, asked["headers"], encode_chunked=True)
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


def stream(
    box: Box, address: str, port: int, path: str, file: Path, *, times: int, kind: str, bearer: str, seconds: float
) -> Answer:
    """Sends what a file holds, again and again, as one body of which nobody says the length before.

    Args:
        kind: its Content-Type.
        seconds: for which nothing may come or go.
    """
    headers = {"Content-Type": kind, "Authorization": f"Bearer {bearer}", "Transfer-Encoding": "chunked"}
    where = {"host": address, "port": port, "path": path, "file": str(file)}
    question = where | {"times": times, "seconds": seconds, "headers": headers}
    # not in the box's process namespace: it is this process that waits for it
    command = [*box.enter(processes=False), sys.executable, "-I", "-S", "-c", _STREAM]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    return Answer(found["status"], found["headers"], found["body"])
