"""``novacron crd`` and ``novacron render``, and how every command says no to bad input. No cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from novacron.__main__ import main
from novacron.api.v1alpha1.crd import crd_yaml
from novacron.core import kinds
from tests.support import resources
from tests.support.resources import changed, minimal


def novacron(*arguments: str, given: Any = None) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in this process."""
    text = given if isinstance(given, str) or given is None else yaml.safe_dump(given)
    done = CliRunner().invoke(main, list(arguments), input=text)
    return done.exit_code, done.stdout, done.stderr


def rendered(body: Any, *options: str) -> list[dict[str, Any]]:
    code, output, error = novacron("render", "-f", "-", *options, given=body)
    assert (code, error) == (0, "")
    return list(yaml.safe_load_all(output))


def test_crd_prints_what_is_checked_in() -> None:
    code, output, error = novacron("crd")
    assert (code, error) == (0, "")
    assert output == crd_yaml() == (Path(__file__).parents[3] / "crds" / "novacron.yaml").read_text()


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
}


@pytest.mark.parametrize("command", ["render", "diff"])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(name: str, command: str) -> None:
    """Of `diff` too before it looks for a cluster."""
    given, words = BAD[name]
    code, output, error = novacron(command, "-f", "-", given=given)
    assert (code, output) == (2, ""), error
    assert error.count("\n") == 1, error
    assert error.startswith("novacron: -: ")
    for word in words:
        assert word in error


@pytest.mark.parametrize("command", ["render", "diff"])
def test_a_file_that_is_not_there_is_named(command: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    code, output, error = novacron(command, "-f", missing)
    assert (code, output, error.count("\n")) == (2, "", 1)
    assert missing in error


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe\x00kind")
    code, _output, error = novacron("render", "-f", str(file))
    assert (code, error.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--server-version", "latest"), ("--server-version latest", "1.36")),
        (("--have", "istio"), ("--have istio", "external-secrets")),
    ],
)
def test_a_bad_option_is_one_line_with_the_remedy(options: tuple[str, ...], words: tuple[str, ...]) -> None:
    code, output, error = novacron("render", "-f", "-", *options, given=minimal())
    assert (code, output, error.count("\n")) == (2, "", 1)
    for word in words:
        assert word in error


@pytest.mark.parametrize("arguments", [(), ("render",), ("rander",), ("status", "--output", "yaml")])
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    code, output, _error = novacron(*arguments)
    assert code == 2
    assert output == ""


@pytest.mark.parametrize("command", ["status", "doctor", "diff"])
def test_a_cluster_that_does_not_answer_is_exit_code_3(command: str, tmp_path: Path) -> None:
    """Port 1 of loopback: nobody listens there."""
    resource = tmp_path / "novacron.yaml"
    resource.write_text(yaml.safe_dump(minimal()))
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": False}}
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "clusters": [cluster],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    extra = ("-f", str(resource)) if command == "diff" else ()
    code, output, error = novacron(command, *extra, "--kubeconfig", str(kubeconfig))
    assert (code, output, error.count("\n")) == (3, "", 1), error
    assert "127.0.0.1:1" in error


@pytest.mark.parametrize("command", ["status", "doctor"])
@pytest.mark.parametrize("content", [None, "", "kind: Config", "a: [", "[]"])
def test_a_kubeconfig_that_is_none_is_exit_code_3_with_one_line(
    command: str, content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    code, output, error = novacron(command, "--kubeconfig", str(file))
    assert (code, output, error.count("\n")) == (3, "", 1), error


def test_every_command_says_what_it_is_for_with_an_example() -> None:
    _code, listed, _error = novacron("--help")
    for command in ("crd", "render", "diff", "status", "doctor", "run"):
        assert f"  {command} " in listed
        code, output, _error = novacron(command, "--help")
        assert code == 0
        assert "Example" in output, command


def test_the_command_is_also_a_module_and_starts_without_the_operators_libraries() -> None:
    """kopf and its client take a second to import, which `render` in a pipeline should not pay for."""
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-m", "novacron", "crd"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == crd_yaml()
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert not {"kopf", "kubernetes", "aiohttp"} & imported
