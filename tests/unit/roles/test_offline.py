"""``novacron crd`` and ``novacron render``, and how every command says no to bad input. No cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from novacron.api.v1alpha1.crd import crd_yaml, custom_resource_definition
from novacron.core import kinds
from novacron.roles import render
from tests.support import resources
from tests.support.resources import changed, minimal
from tests.unit.roles.command import kubeconfig, novacron, refused


def rendered(body: Any, *options: str) -> list[dict[str, Any]]:
    code, output, error = novacron("render", "-f", "-", *options, given=body)
    assert (code, error) == (0, "")
    return list(yaml.safe_load_all(output))


def test_crd_prints_what_is_checked_in() -> None:
    code, output, error = novacron("crd")
    assert (code, error) == (0, "")
    assert output == crd_yaml() == (Path(__file__).parents[3] / "crds" / "novacron.yaml").read_text()


@pytest.mark.parametrize("command", ["crd", "crd -o json", "render -f manifests/samples/minimal.yaml"])
@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("/dev/full", "standard output: No space left on device; write to a file or a pipe that has room"),
        ("&-", "standard output is closed; write to a file or a pipe"),
    ],
)
def test_an_output_that_takes_nothing_is_no_defect(command: str, output: str, said: str) -> None:
    line = ["/bin/sh", "-c", f'exec "$@" >{output}', "sh", sys.executable, "-m", "novacron", *command.split()]
    root = Path(__file__).parents[3]
    done = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=False, cwd=root)
    assert (done.returncode, done.stderr) == (2, f"novacron: {said}\n")


def test_crd_as_json_is_the_same() -> None:
    code, output, _error = novacron("crd", "-o", "json")
    assert (code, json.loads(output)) == (0, custom_resource_definition())


def test_render_as_json_is_a_list_of_the_same() -> None:
    code, output, _error = novacron("render", "-f", "-", "-o", "json", given=minimal())
    assert (code, json.loads(output)) == (0, {"apiVersion": "v1", "kind": "List", "items": rendered(minimal())})


def test_neighbours_may_be_given_with_blanks() -> None:
    spaced = rendered(minimal(), "--have", " external-secrets, prometheus-operator,")
    assert spaced == rendered(minimal(), "--have", "external-secrets,prometheus-operator")


def test_render_is_sorted_complete_and_the_same_each_time() -> None:
    found = rendered(minimal())
    order = [(item["kind"], item["metadata"]["name"]) for item in found]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert {item["metadata"]["namespace"] for item in found} == {"novacron"}
    assert found == rendered(minimal())


def test_render_of_all_kinds_needs_all_neighbours() -> None:
    assert {item["kind"] for item in rendered(resources.full())} == kinds.BY_KIND.keys() - {"HTTPRoute"}
    optional = {kind.kind for kind in kinds.OPTIONAL_CHILDREN}
    assert not optional & {item["kind"] for item in rendered(resources.full(), "--have", "")}
    found = {item["kind"] for item in rendered(resources.full(), "--have", "external-secrets")}
    assert found & optional == {"SecretStore", "ExternalSecret"}


def test_render_leaves_out_what_an_old_server_does_not_know() -> None:
    body = changed(minimal(), {"spec.security.userNamespaces": True})

    def host_users(version: str) -> set[bool]:
        found = rendered(body, "--server-version", version)
        return {"hostUsers" in item["spec"]["template"]["spec"] for item in found if item["kind"] == "Deployment"}

    assert (host_users("1.31"), host_users("v1.36.3")) == ({False}, {True})


def test_render_names_the_namespace_of_the_operator_in_its_edge() -> None:
    assert "elsewhere" not in json.dumps(rendered(minimal()))
    assert "elsewhere" in json.dumps(rendered(minimal(), "--operator-namespace", "elsewhere"))


def test_render_has_the_metric_of_an_adapter_only_where_there_is_one() -> None:
    assert "http_requests_per_second" not in json.dumps(rendered(minimal(), "--have", ""))
    assert "http_requests_per_second" in json.dumps(rendered(minimal(), "--have", "custom-metrics"))


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a field that does not exist": (changed(minimal(), {"spec.api.replica": 3}), ("spec.api.replica",)),
    "a bad quantity": (
        changed(minimal(), {"spec.api.resources": {"limits": {"memory": "512MB"}}}),
        ("spec.api.resources.limits.memory", "512Mi"),
    ),
    "a url as host": (
        changed(minimal(), {"spec.database.host": "postgres://db.example.com/x"}),
        ("spec.database.host",),
    ),
    "no version": (minimal() | {"spec": {}}, ("spec.version",)),
    "a spec that is a list": (minimal() | {"spec": []}, ("spec",)),
    "metadata that is a list": (minimal() | {"metadata": []}, ("metadata",)),
    "no name": (minimal() | {"metadata": {}}, ("metadata.name",)),
    "a name that is a number": (minimal() | {"metadata": {"name": 5}}, ("metadata.name",)),
    "a namespace that is a list": (minimal() | {"metadata": {"name": "a", "namespace": []}}, ("metadata.namespace",)),
    "another API version": (minimal() | {"apiVersion": "novacron.io/v9"}, ("apiVersion", "novacron.io/v1alpha1")),
    "another kind": ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}, ("NovaCron",)),
    "nothing": ("", ("0 documents",)),
    "two": (yaml.safe_dump_all([minimal(), minimal("second")]), ("2 documents",)),
    "no YAML": ("a: [", ("line 1",)),
    "a tag": ("!!python/object/apply:os.getcwd []", ("python/object",)),
    "text": ("just words", ("0 documents",)),
    "a namespace that cannot be one": (minimal(namespace="N_N"), ("metadata.namespace", "a-z, 0-9 and -")),
    "a key that stands twice": ("kind: NovaCron\nspec: {}\nspec: {a: 1}\n", ("line 3", "spec", "remove one")),
    "a key that stands twice deep down": (
        "kind: NovaCron\nspec:\n  api:\n    replicas: 1\n    replicas: 2\n",
        ("line 5", "replicas", "remove one"),
    ),
    "nested too deeply": ("[" * 5000, ("nested too deeply",)),
    "a date that is none": ("a: 2026-99-99", ("quotes",)),
    "a boolean that is none": ("a: !!bool maybe", ("quotes",)),
    "a character that YAML forbids": ("a: \x01", ("give YAML",)),
}


@pytest.mark.parametrize("command", ["render", "diff"])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(name: str, command: str) -> None:
    """Of `diff` too before it looks for a cluster."""
    given, words = BAD[name]
    error = refused(command, "-f", "-", given=given)
    assert error.startswith("novacron: -: ")
    for word in words:
        assert word in error


def test_what_is_merged_may_be_overridden() -> None:
    """YAML's merge key is no second key."""
    text = "kind: NovaCron\nx: &base {replicas: 1}\nspec: {api: {<<: *base, replicas: 2}}\n"
    assert "twice" not in refused("render", "-f", "-", given=text)


def test_what_is_wrong_in_yaml_is_placed_but_not_quoted() -> None:
    error = refused("render", "-f", "-", given="password: hunter2\nkey: [hunter2\n")
    assert "line 3" in error
    assert "hunter2" not in error


@pytest.mark.parametrize("command", ["render", "diff"])
def test_a_file_that_is_not_there_is_named_with_the_remedy(command: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    error = refused(command, "-f", missing)
    remedy = "name a file that can be read with -f, or - for standard input"
    assert error == f"novacron: {missing}: No such file or directory; {remedy}\n"


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe\x00kind")
    assert f"{file}: not text in UTF-8" in refused("render", "-f", str(file))


def test_a_standard_input_that_is_closed_is_bad_input() -> None:
    command = [sys.executable, "-m", "novacron", "render", "-f", "-"]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "standard input is closed" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--server-version", "latest"), ("--server-version latest", "1.36")),
        (("--server-version", "1"), ("--server-version 1:", "1.36")),
        (("--server-version", "-1.-5"), ("--server-version -1.-5", "1.36")),
        (("--server-version", "0.0"), ("from 1.31 on", "1.36")),
        (("--server-version", "1.30"), ("from 1.31 on", "1.36")),
        (("--server-version", "\uff11.\uff13\uff16"), ("not a version", "1.36")),
        (("--have", "istio"), ("--have istio", "external-secrets")),
        (("--operator-namespace", "A B!"), ("--operator-namespace", "a-z, 0-9 and -", "novacron render --help")),
        (("--operator-namespace", ""), ("--operator-namespace", "a-z, 0-9 and -")),
        (("-o", "toml"), ("'-o' / '--output'", "'json'", "novacron render --help")),
    ],
)
def test_a_bad_option_is_one_line_with_the_remedy(options: tuple[str, ...], words: tuple[str, ...]) -> None:
    error = refused("render", "-f", "-", *options, given=minimal())
    for word in words:
        assert word in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("Missing command", "novacron --help")),
        (("--bogus",), ("--bogus", "novacron --help")),
        (("rander",), ("rander", "novacron --help")),
        (("render",), ("-f", "novacron render --help")),
        (("diff", "--bogus"), ("--bogus", "novacron diff --help")),
        (("status", "--output", "yaml"), ("--output", "'json'", "novacron status --help")),
        (("status", "a", "b"), ("(b)", "novacron status --help")),
        (("status", "-n", "../x"), ("--namespace", "../x", "a-z, 0-9 and -")),
        (("doctor", "-n", "N_N"), ("--namespace", "N_N")),
        (("doctor", "--operator-namespace", "N_N"), ("--operator-namespace", "N_N")),
        (("diff", "--operator-namespace", "N_N"), ("--operator-namespace", "N_N")),
        (("run", "--namespace", "N_N"), ("--namespace", "N_N")),
        (("run", "--health-port", "99999"), ("--health-port", "65535")),
        (("run", "--metrics-port", "-1"), ("--metrics-port", "65535")),
        (("run", "--workers", "0"), ("--workers", "256")),
        (("run", "--workers", "-3"), ("--workers", "256")),
        (("run", "--log-level", "LOUD"), ("--log-level", "INFO", "novacron run --help")),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    error = refused(*arguments)
    for word in words:
        assert word in error


@pytest.mark.parametrize("command", ["status", "doctor", "diff"])
def test_a_cluster_that_does_not_answer_is_exit_code_3(command: str, tmp_path: Path) -> None:
    """Port 1 of loopback: nobody listens there."""
    resource = tmp_path / "novacron.yaml"
    resource.write_text(yaml.safe_dump(minimal()))
    file = kubeconfig(tmp_path / "kubeconfig")
    extra = ("-f", str(resource)) if command == "diff" else ()
    assert "127.0.0.1:1" in refused(command, *extra, "--kubeconfig", file, code=3)


@pytest.mark.parametrize("command", ["status", "doctor", "run"])
@pytest.mark.parametrize("content", [None, "", "kind: Config", "a: [", "[]"])
def test_a_kubeconfig_that_is_none_is_bad_input_and_named(command: str, content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    assert refused(command, "--kubeconfig", str(file)).startswith(f"novacron: {file}: ")


def test_a_defect_is_one_line_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 would say: it differs, it is not ready. The error's own text may hold what was given."""

    def broken(_text: str) -> tuple[int, int]:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(render, "_version", broken)
    error = refused("render", "-f", "-", given=minimal(), code=70)
    assert "internal error: RuntimeError at render.py:" in error
    assert "NOVACRON_DEBUG=1" in error
    assert "hunter2" not in error
    monkeypatch.setenv("NOVACRON_DEBUG", "1")
    code, _output, error = novacron("render", "-f", "-", given=minimal())
    assert (code, "Traceback" in error, "hunter2" in error) == (70, True, True)


def test_an_interrupted_command_is_quiet(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "novacron", "render", "-f", str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading, pipe.open("w"):
        reading.send_signal(signal.SIGINT)  # opening the pipe waited for the command to open it
        assert (*reading.communicate(timeout=20), reading.returncode) == (b"", b"", 130)


def test_every_command_says_what_it_is_for_with_an_example() -> None:
    _code, listed, _error = novacron("--help")
    for command in ("crd", "render", "diff", "status", "doctor", "run"):
        assert f"  {command} " in listed
        code, output, _error = novacron(command, "--help")
        assert code == 0
        assert re.search(rf"^  Example: novacron {command}.*\n\n", output, re.MULTILINE), "there, and not folded"


def started(*arguments: str) -> tuple[str, set[str]]:
    """Standard output of a command in a process of its own, and the modules that it imported."""
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-m", "novacron", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time")]
    return done.stdout, {line.rpartition("|")[2].strip() for line in lines}


def test_the_command_is_also_a_module_and_starts_without_the_operators_libraries() -> None:
    """kopf and its client take a second to import, which `render` in a pipeline should not pay for."""
    output, imported = started("crd")
    assert output == crd_yaml()
    assert not {"kopf", "kubernetes", "aiohttp"} & imported


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (("--help",), ("pydantic", "yaml", "aiohttp", "rich", "orjson")),
        (("render", "--help"), ("pydantic", "yaml", "aiohttp", "rich")),
        (("status", "--help"), ("pydantic", "kubernetes", "kopf")),
        (("run", "--help"), ("pydantic", "kubernetes", "kopf")),
    ],
    ids=" ".join,
)
def test_help_is_light(arguments: tuple[str, ...], absent: tuple[str, ...]) -> None:
    assert not set(absent) & started(*arguments)[1]
