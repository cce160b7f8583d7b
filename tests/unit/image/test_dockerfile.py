"""The Dockerfile says of a container what image/contents.toml says. No engine runs here: its text is judged."""

from __future__ import annotations

import json
import shlex

import pytest

from image import contents, debian

_FILE = contents.CHECKOUT / "Dockerfile"
_WANTED = contents.contents(debian.triplet())


def _instructions() -> list[tuple[str, str]]:
    """Of the last stage: the word and the rest of each, continued lines joined."""
    lines = [line for line in _FILE.read_text().splitlines() if line and not line.startswith("#")]
    pairs = [line.split(maxsplit=1) for line in "\n".join(lines).replace("\\\n", " ").splitlines()]
    words = [word for word, _rest in pairs]
    last = len(words) - 1 - words[::-1].index("FROM")
    return [(word, rest) for word, rest in pairs[last:]]


@pytest.fixture
def last() -> dict[str, str]:
    """The instructions of the last stage that may stand once."""
    return {word: rest for word, rest in _instructions() if word != "COPY"}


def test_there_is_nothing_below_our_own_file_system(last: dict[str, str]) -> None:
    assert last["FROM"] == "scratch"
    copied = [rest for word, rest in _instructions() if word == "COPY"]
    assert copied == [f"--from=build /rootfs/{name} /" for name in ("base", "wheels", "novacron")]


def test_nothing_runs_in_the_last_stage(last: dict[str, str]) -> None:
    assert last.keys() == {"FROM", "LABEL", "ENV", "WORKDIR", "USER", "ENTRYPOINT"}


def test_a_container_runs_as_described(last: dict[str, str]) -> None:
    assert json.loads(last["ENTRYPOINT"]) == _WANTED.entrypoint
    assert last["USER"] == _WANTED.user
    assert last["WORKDIR"] == _WANTED.working_directory


@pytest.mark.parametrize(("word", "wanted"), [("ENV", _WANTED.environment), ("LABEL", _WANTED.labels)])
def test_environment_and_labels_are_as_described(word: str, wanted: dict[str, str], last: dict[str, str]) -> None:
    assert dict(pair.split("=", 1) for pair in shlex.split(last[word])) == wanted


def test_the_engine_is_sent_what_it_copies_and_nothing_else() -> None:
    sources = {"pyproject.toml", "requirements.lock", "image", "operator"}
    copied = {
        source
        for line in _FILE.read_text().splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    ignore = (contents.CHECKOUT / ".dockerignore").read_text().splitlines()
    assert copied == sources
    assert {line[1:] for line in ignore if line.startswith("!")} == sources
    assert "*" in ignore
