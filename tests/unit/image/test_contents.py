from __future__ import annotations

from importlib import metadata

import pytest
from packaging.requirements import Requirement

from image import contents, debian, rootfs
from image.contents import LeftOut


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("usr/share/doc/libc6/changelog.gz", True),
        ("usr/share/doc/libc6/copyright", False),
        ("usr/share/docs", False),
        ("usr/lib/x.pyi", True),
    ],
)
def test_a_path_is_left_out_unless_another_pattern_keeps_it(path: str, out: bool) -> None:
    assert (path in LeftOut(["usr/share/doc/*", "!usr/share/doc/*/copyright", "*.pyi"])) is out


def test_without_patterns_nothing_is_left_out() -> None:
    assert "usr" not in LeftOut([])


def test_no_pattern_names_a_machine() -> None:
    """amd64 and arm64 are described by the same file."""
    assert not {"x86_64", "aarch64", "amd64", "arm64"} & set(contents.DESCRIPTION.read_text().replace("-", " ").split())


def test_our_metadata_says_what_the_build_backend_says() -> None:
    """The image holds metadata that rootfs.py writes; a checkout has setuptools'."""
    told = metadata.distribution("novacron")
    lines = set(rootfs.metadata_text().splitlines())
    assert f"Version: {told.version}" in lines
    assert f"Summary: {told.metadata['Summary']}" in lines
    assert f"License-Expression: {told.metadata['License-Expression']}" in lines
    assert f"Requires-Python: {told.metadata['Requires-Python']}" in lines
    required = {Requirement(item) for item in told.requires or () if "extra ==" not in item}
    prefix = "Requires-Dist: "
    assert {Requirement(line.removeprefix(prefix)) for line in lines if line.startswith(prefix)} == required


def test_our_command_is_the_one_that_a_checkout_has() -> None:
    (script,) = (entry for entry in metadata.entry_points(group="console_scripts") if entry.name == "novacron")
    assert rootfs.entry_points() == f"[console_scripts]\nnovacron = {script.value}\n"
    module, _, function = script.value.partition(":")
    _path, text = contents.contents(debian.triplet()).command
    assert f"from {module} import {function}\n" in text
