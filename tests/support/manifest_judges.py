"""Judges of others over manifests: checkov, kube-score, kubesec, kube-linter. What they find, in one form.

Each runs once over many manifests: its start is most of its time. Objects are told apart by their namespace, so that
one run can hold many renders of one resource. They are installed once into the user's cache from tests/judges/;
kube-linter is used where the machine has it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.controlplane import toolchain
from tests.support.controlplane.build import built
from tests.support.controlplane.progress import say
from tests.support.judges import LOCKS, JudgeError

_KUBE_SCORE_EXTRA = ("container-ports-check", "container-seccomp-profile")
_PERFECT_GRADE = 10


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that a judge does not like.

    Args:
        subject: kind and name, e.g. ``Deployment/novacron-api``.
    """

    judge: str
    check: str
    namespace: str
    subject: str


def kube_score(directory: Path) -> list[Finding]:
    """Everything graded below OK in the YAML files of a directory, two optional checks included."""
    enabled = [word for name in _KUBE_SCORE_EXTRA for word in ("--enable-optional-test", name)]
    files = [str(file) for file in _readable(directory)]
    answer = _answer(
        _kube_score(), "score", "--output-format", "json", "--kubernetes-version", "v1.36", *enabled, *files
    )
    return [
        Finding(
            "kube-score",
            check["check"]["id"],
            scored["object_meta"].get("namespace", ""),
            f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}",
        )
        for scored in answer
        for check in scored["checks"] or ()
        if not check["skipped"] and check["grade"] < _PERFECT_GRADE
    ]


def checkov(directory: Path) -> list[Finding]:
    """Failed checks over every YAML file of a directory."""
    _readable(directory)  # it would pass over a broken file without a word
    command = [_checkov(), "--directory", str(directory), "--framework", "kubernetes", "--skip-download"]
    answer = _answer(*command, "--compact", "--quiet", "-o", "json")
    reports = answer if isinstance(answer, list) else [answer]
    return [
        Finding("checkov", item["check_id"], *_checkov_object(item["resource"]))
        for report in reports
        for item in report["results"]["failed_checks"]
    ]


def _checkov_object(resource: str) -> tuple[str, str]:
    """``Deployment.<namespace>.<name>``; for a pod of a template the rest follows."""
    kind, namespace, name = resource.split(".", 2)
    return namespace, f"{kind}/{name.split(' ')[0]}"


def kube_linter(directory: Path) -> list[Finding]:
    """Its default checks."""
    _readable(directory)
    return [
        Finding(
            "kube-linter",
            report["Check"],
            report["Object"]["K8sObject"]["Namespace"],
            f"{report['Object']['K8sObject']['GroupVersionKind']['Kind']}/{report['Object']['K8sObject']['Name']}",
        )
        for report in _answer("kube-linter", "lint", "--format", "json", str(directory))["Reports"] or ()
    ]


@dataclass(frozen=True, slots=True)
class Score:
    """What kubesec makes of one Deployment.

    Args:
        critical: checks that take points.
        advised: checks that would give some more.
    """

    namespace: str
    subject: str
    points: int
    critical: tuple[str, ...]
    advised: tuple[str, ...]


def kubesec(directory: Path) -> list[Finding]:
    """All that keeps a Deployment from the most points that there are."""
    return [
        Finding("kubesec", check, score.namespace, score.subject)
        for score in kubesec_scores(directory)
        for check in (*score.critical, *score.advised)
    ]


def kubesec_scores(directory: Path) -> list[Score]:
    """One for each Deployment. It would fetch schemas; kubernetes-validate judges those, so it gets an empty one."""
    (directory / "deployment-apps-v1.json").write_text('{"type": "object"}')
    schemas = f"{directory}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    file = directory / "deployments"
    files = _readable(directory)
    file.write_text("---\n".join(text for path in files for text in _documents(path, "Deployment")))
    return [
        _score(scored)
        for scored in _answer(_kubesec(), "scan", "--format", "json", "--schema-location", schemas, str(file))
    ]


def _score(scored: dict[str, Any]) -> Score:
    if not scored["valid"]:
        raise JudgeError(f"kubesec did not judge {scored['object']}: {scored['message']}")
    subject, namespace = scored["object"].rsplit(".", 1)
    critical, advised = (
        tuple(item["id"] for item in scored["scoring"].get(part) or ()) for part in ("critical", "advise")
    )
    return Score(namespace, subject, scored["score"], critical, advised)


def kubesec_rewards() -> dict[str, int]:
    """Every check that can give a Deployment points, and how many."""
    rules = _answer(_kubesec(), "print-rules")
    return {rule["id"]: rule["points"] for rule in rules if rule["points"] > 0 and "Deployment" in rule["kinds"]}


def _kubesec() -> str:
    return str(built("judges-kubesec", LOCKS / "kubesec") / "kubesec")


def _documents(path: Path, kind: str) -> Iterator[str]:
    for text in re.split(r"^---\n", path.read_text(), flags=re.MULTILINE):
        if re.search(rf"^kind: {kind}$", text, re.MULTILINE):
            yield text


def _readable(directory: Path) -> list[Path]:
    """The YAML files of a directory. Raises ``JudgeError`` for one that no judge could read."""
    files = sorted(directory.glob("*.yaml"))
    for file in files:
        try:
            list(yaml.load_all(file.read_text(), yaml.CSafeLoader))
        except yaml.YAMLError as error:
            raise JudgeError(f"{file.name} is no YAML: {error}") from error
    return files


JUDGES: dict[str, Callable[[Path], list[Finding]]] = {
    "checkov": checkov,
    "kube-score": kube_score,
    "kubesec": kubesec,
}
HAS_KUBE_LINTER = shutil.which("kube-linter") is not None
"""No package registry gives it away, so it judges where the machine has it."""
if HAS_KUBE_LINTER:
    JUDGES["kube-linter"] = kube_linter


def install() -> None:
    """Builds and installs all of them that a registry has, once."""
    _checkov()
    _kube_score()
    _kubesec()


def _kube_score() -> str:
    return str(built("judges-kube-score", LOCKS / "kube-score") / "kube-score")


@functools.cache
def _checkov() -> str:
    """In a virtual environment of its own: it pins what the project pins otherwise."""
    lock = LOCKS / "checkov.lock"
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
    return str(home / "bin" / "checkov")


def _answer(*command: str) -> Any:
    """What a judge prints as JSON, whatever its exit code: it tells of findings too."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise JudgeError(f"{Path(command[0]).name} did not answer: {done.stderr[-800:]}") from error
