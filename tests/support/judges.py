"""Judges of others: kube-score, kubesec, checkov over manifests; kstatus and Argo CD's Lua over live resources.

Each is built or installed once into the user's cache, from the locks in tests/judges/.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lupa.lua51
import yaml

from tests.support.controlplane import toolchain
from tests.support.controlplane.build import built
from tests.support.controlplane.progress import say

_HOME = Path(__file__).parents[1] / "judges"
_HEALTH = Path(__file__).parents[2] / "manifests" / "gitops" / "argocd" / "health.lua"
Manifest = dict[str, Any]


class JudgeError(Exception):
    """A judge could not be installed or did not answer; that is no verdict."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing a judge does not like."""

    judge: str
    check: str
    about: str

    def __str__(self) -> str:
        return f"{self.judge} {self.check}: {self.about}"


@functools.cache
def kube_score_binary() -> Path:
    return built("judges-kube-score", _HOME / "kube-score") / "kube-score"


@functools.cache
def kubesec_binary() -> Path:
    return built("judges-kubesec", _HOME / "kubesec") / "kubesec"


@functools.cache
def kstatus_binary() -> Path:
    return built("judges-kstatus", _HOME / "kstatus", (".",)) / "kstatus"


@functools.cache
def checkov_binary() -> Path:
    """checkov in a virtual environment of its own: it pins what the project pins otherwise."""
    lock = _HOME / "checkov.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    home = toolchain.cache() / "judges-checkov" / f"{digest}-{sys.version_info.major}.{sys.version_info.minor}"
    if not (home / "installed").exists():
        say("installing checkov into the cache (about a minute); once")
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        command = [str(home / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise JudgeError(f"checkov cannot be installed: {done.stderr[-800:]}")
        (home / "installed").touch()
    return home / "bin" / "checkov"


def _written(manifests: Iterable[Manifest], file: Path) -> Path:
    file.write_text(yaml.dump_all(list(manifests), Dumper=yaml.CSafeDumper, sort_keys=True))
    return file


def kube_score(manifests: Iterable[Manifest], directory: Path, optional: Sequence[str] = ()) -> list[Finding]:
    """Everything that kube-score grades below OK."""
    file = _written(manifests, directory / "kube-score.yaml")
    enabled = [word for name in optional for word in ("--enable-optional-test", name)]
    command = [str(kube_score_binary()), "score", "--output-format", "json", "--kubernetes-version", "v1.36", *enabled]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise JudgeError(f"kube-score did not answer: {done.stderr[-800:]}")
    return sorted(
        Finding("kube-score", check["check"]["id"], f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}")
        for scored in json.loads(done.stdout)
        for check in scored["checks"] or ()
        if not check["skipped"] and check["grade"] < 10
    )


@dataclass(frozen=True, slots=True)
class Score:
    """kubesec's grade of one object."""

    name: str
    points: int
    critical: tuple[str, ...]
    advised: tuple[str, ...]


def kubesec(manifests: Iterable[Manifest], directory: Path) -> list[Score]:
    """Points and criticism for each Deployment. Schemas are judged by kubernetes-validate: kubesec would fetch them."""
    file = _written((item for item in manifests if item["kind"] == "Deployment"), directory / "kubesec.yaml")
    (directory / "deployment-apps-v1.json").write_text('{"type": "object"}')
    schemas = f"{directory}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [str(kubesec_binary()), "scan", "--format", "json", "--schema-location", schemas, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise JudgeError(f"kubesec did not answer: {done.stderr[-800:]}")
    unjudged = [scored["message"] for scored in json.loads(done.stdout) if not scored["valid"]]
    if unjudged:
        raise JudgeError(f"kubesec did not judge: {unjudged}")
    return [
        Score(
            scored["object"],
            scored["score"],
            tuple(item["id"] for item in scored["scoring"].get("critical") or ()),
            tuple(item["id"] for item in scored["scoring"].get("advise") or ()),
        )
        for scored in json.loads(done.stdout)
    ]


def checkov(directory: Path) -> list[Finding]:
    """Failed checks over every YAML file of a directory; one run for many files: its start is most of its time."""
    command = [str(checkov_binary()), "--directory", str(directory), "--framework", "kubernetes", "--skip-download"]
    done = subprocess.run([*command, "--compact", "--quiet", "-o", "json"], capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise JudgeError(f"checkov did not answer: {done.stderr[-800:]}") from error
    reports = answer if isinstance(answer, list) else [answer]
    failed = [item for report in reports for item in report.get("results", {}).get("failed_checks", ())]
    return sorted(Finding("checkov", item["check_id"], f"{item['file_path']} {item['resource']}") for item in failed)


# Live resources


def kstatus(objects: Sequence[Manifest]) -> list[str]:
    """kstatus' word for each: Current, InProgress, Failed, Terminating, NotFound, Unknown."""
    lines = "".join(json.dumps(item) + "\n" for item in objects)
    done = subprocess.run([str(kstatus_binary())], input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise JudgeError(f"kstatus did not answer: {done.stderr}")
    return [json.loads(line)["status"] for line in done.stdout.splitlines()]


def argo_health(item: Manifest) -> str:
    """What manifests/gitops/argocd/health.lua says in Lua 5.1, Argo CD's dialect."""
    runtime = lupa.lua51.LuaRuntime(unpack_returned_tuples=True)
    runtime.globals().obj = runtime.table_from(item, recursive=True)
    answer = runtime.execute(_HEALTH.read_text())
    return str(answer["status"])


_SAME = {
    "Current": "Healthy",
    "Failed": "Degraded",
    "InProgress": "Progressing",
    "Terminating": "Progressing",
}


def assert_agree(objects: Sequence[Manifest]) -> None:
    """kstatus, health.lua and `kubectl wait --for=condition=Ready` say the same of each state (decisions.md 3)."""
    for item, verdict in zip(objects, kstatus(objects), strict=True):
        health = argo_health(item)
        paused = item["metadata"].get("annotations", {}).get("novacron.io/paused") == "true"
        summary = [
            (found["type"], found["status"], found["reason"])
            for found in item.get("status", {}).get("conditions", [])[:3]
        ]
        if not paused:
            assert health == _SAME[verdict], (verdict, health, summary)
            leaving = "deletionTimestamp" in item["metadata"]
            assert (verdict == "Current") == (_waited_for(item) and not leaving), (verdict, summary)


def _waited_for(item: Manifest) -> bool:
    """Whether `kubectl wait --for=condition=Ready` would return: it honours the condition's observedGeneration."""
    return any(
        found["type"] == "Ready"
        and found["status"] == "True"
        and found.get("observedGeneration", 0) >= item["metadata"]["generation"]
        for found in item.get("status", {}).get("conditions", ())
    )
