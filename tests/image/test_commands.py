"""Commands in the image: a read-only root, no home, no rights, whatever the user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from image import certificates, contents
from image.interpreter import Interpreter
from tests.support.image_root import Root

_SAMPLE = (contents.CHECKOUT / "manifests" / "samples" / "full.yaml").read_text()
_OURS = """
import importlib, pkgutil, novacron
for module in pkgutil.walk_packages(novacron.__path__, "novacron."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
"""
_ALL = """
import importlib, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.suffix == ".py" or (path / "__init__.py").exists():
        importlib.import_module(path.stem)
        print(path.stem)
"""
_LIBRARIES = """
import ctypes, pathlib
for path in sorted(pathlib.Path("/usr").rglob("*.so*")):
    if not path.is_symlink():
        ctypes.CDLL(str(path))
        print(path)
"""
_HANDSHAKE = """
import ssl, sys
folder, hashed = sys.argv[1:]
client_in, client_out = ssl.MemoryBIO(), ssl.MemoryBIO()
trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
trusting.load_verify_locations(capath=hashed)
serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
serving.load_cert_chain(f"{folder}/server.pem")
client = trusting.wrap_bio(client_in, client_out, server_hostname="example.com")
server = serving.wrap_bio(client_out, client_in, server_side=True)
for _ in range(4):
    for side in (client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
print(client.version())
"""


@pytest.mark.parametrize("user", ["65532:65532", "12345:0"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--help",), "NovaCron on Kubernetes"),
        (("--version",), "novacron, version "),
        (("crd",), "kind: CustomResourceDefinition"),
        (("run", "--help"), "Run the operator"),
        (("status", "--help"), "--kubeconfig"),
        (("doctor", "--help"), "--kubeconfig"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_answers(arguments: tuple[str, ...], said: str, user: str, root: Root) -> None:
    done = root.run(*arguments, user=user)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


def test_it_renders_what_a_checkout_renders(root: Root) -> None:
    arguments = ("render", "-f", "-")
    here = [sys.executable, "-m", "novacron", *arguments]
    expected = subprocess.run(here, input=_SAMPLE, capture_output=True, text=True, check=True)
    assert root.run(*arguments, given=_SAMPLE).stdout == expected.stdout


def test_a_wrong_command_is_one_line_and_exit_code_2(root: Root) -> None:
    done = root.run("nothing-like-it")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_without_a_cluster_the_operator_says_what_is_missing(root: Root) -> None:
    """It gets as far as looking for its API server: all that it imports is there."""
    done = root.run("run")
    assert done.returncode != 0
    assert "kubeconfig" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_module_of_ours_can_be_imported(root: Root) -> None:
    imported = root.python(_OURS).splitlines()
    assert {"novacron.roles.manager", "novacron.api.v1alpha1.root"} <= set(imported)


def test_every_package_from_pypi_can_be_imported(root: Root, site: Path) -> None:
    imported = root.python(_ALL, f"/{site.relative_to(root.path)}").splitlines()
    assert {"kopf", "kubernetes", "psycopg", "psycopg_binary", "uvloop", "redis"} <= set(imported)


def test_every_library_finds_those_that_it_needs(root: Root) -> None:
    loaded = root.python(_LIBRARIES).splitlines()
    assert any("libcrypto.so.3" in name for name in loaded)
    assert any("lib-dynload" in name for name in loaded)


def test_modules_come_from_the_image_alone(root: Root) -> None:
    """Not from the working directory, nor from beside the program."""
    found = root.python("import sys; print([path for path in sys.path if not path.startswith('/usr/')])")
    assert found == "[]\n"


def test_there_is_a_name_for_the_user_and_its_version_is_known(root: Root) -> None:
    program = """
import os, pwd
from importlib.metadata import version
print(pwd.getpwuid(os.getuid()).pw_name, version("novacron"))
"""
    assert root.python(program).split() == ["novacron", contents.project().version]


def test_the_root_cannot_be_written_to_but_the_temporary_directory_can(root: Root) -> None:
    program = """
import pathlib, tempfile
with tempfile.NamedTemporaryFile(dir="/tmp") as file:
    file.write(b"x")
try:
    pathlib.Path("/var/tmp/x").touch()
except OSError as error:
    print(error.strerror)
"""
    assert root.python(program) == "Read-only file system\n"


def test_text_is_utf_8_without_a_locale(root: Root) -> None:
    program = (
        "import locale, sys; print(locale.getpreferredencoding(), sys.stdout.encoding, sys.getfilesystemencoding())"
    )
    assert root.python(program).lower() == "utf-8 utf-8 utf-8\n"


def test_public_authorities_are_known_by_hash_and_as_one_file(root: Root) -> None:
    program = """
import pathlib, ssl
paths = ssl.get_default_verify_paths()
print(len(list(pathlib.Path(paths.capath).glob("*.0"))))
context = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
print(len(context.get_ca_certs()))
"""
    by_hash, in_file = map(int, root.python(program).split())
    assert by_hash > 100
    assert in_file >= by_hash


def test_an_authority_is_found_under_the_hash_that_was_computed(tree: Root, tmp_path: Path) -> None:
    """A handshake in the image's own OpenSSL, with a certificate of an authority that is known by its hash alone."""
    authority, stranger = trustme.CA(), trustme.CA(organization_name="stranger")
    (tmp_path / "source").mkdir()
    (tmp_path / "hashed").mkdir()
    for name, one in (("a", authority), ("b", stranger)):
        one.cert_pem.write_to_path(tmp_path / "source" / f"{name}.crt")
    authority.issue_cert("example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    python = Interpreter(tree.path, "3.11")
    python.run(certificates.__file__, str(tmp_path), "source", "hashed")
    for link in (tmp_path / "hashed").glob("*.0"):  # they lead to the root of an image
        target = tmp_path / str(link.readlink())[1:]
        link.unlink()
        link.symlink_to(target)
    assert python.run("-c", _HANDSHAKE, str(tmp_path), str(tmp_path / "hashed")).startswith("TLSv1.")
