"""Commands of a page of the documentation: what a reader's shell would run, and what curl would send."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.service_process import Answer, ServiceProcess

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path, *programs: str) -> Iterator[list[str]]:
    """Words of each command that begins with one of these programs, in the page's order."""
    for block in _BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            if words and words[0] in programs:
                yield words


def filled(words: Sequence[str], variables: Mapping[str, str], placeholders: Mapping[str, str]) -> list[str]:
    """With the shell's variables, and what the page has a reader put in."""
    found = [re.sub(r"\$(\w+)", lambda name: variables[name[1]], word) for word in words]
    for placeholder, value in placeholders.items():
        found = [word.replace(placeholder, value) for word in found]
    return found


@dataclass(slots=True)
class Request:
    """What curl would send, of what the pages use of it."""

    path: str = ""
    method: str = ""
    headers: dict[str, Any] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    upload: str = ""
    """Name of a file that is sent as it is."""
    in_query: bool = False

    @classmethod
    def parsed(cls, words: Sequence[str]) -> Request:
        found, rest = cls(), iter(words[1:])
        for word in rest:
            if word == "-H":
                name, _, value = next(rest).partition(": ")
                found.headers[name] = value
            elif word == "-d":
                found.data.append(next(rest))
            elif word == "-u":
                found.headers["Authorization"] = "Basic " + base64.b64encode(next(rest).encode()).decode()
            elif word == "-T":
                found.upload = next(rest)
            elif word == "-X":
                found.method = next(rest)
            elif word.startswith("-"):
                assert word in ("-s", "-sG"), word
                found.in_query = "G" in word
            else:
                found.path = word
        return found

    def send(self, pod: ServiceProcess) -> Answer:
        data = "&".join(self.data)
        if self.in_query:
            return pod.ask(f"{self.path}?{data}", **self.headers)
        headers: dict[str, Any] = {"Content-Type": "application/x-www-form-urlencoded", **self.headers}
        return pod.ask(self.path, self.method or "POST", body=data.encode(), **headers)
