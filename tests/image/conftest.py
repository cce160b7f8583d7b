"""The image is built once for all of its tests; a point release of Debian between two runs must not break them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image.build import Built, build
from tests.support.image_root import Root, unpacked


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("image") / "novacron.tar", "localhost/novacron:test", accept_newer=True)


@pytest.fixture(scope="session")
def tree(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """The image unpacked; nothing of it needs to run."""
    return unpacked(built.archive, tmp_path_factory.mktemp("root"))


@pytest.fixture
def root(tree: Root) -> Root:
    """The same, for what runs in it."""
    if os.geteuid():
        pytest.skip("needs root, for chroot")
    return tree


@pytest.fixture(scope="session")
def site(tree: Root) -> Path:
    """Where its Python packages are."""
    (found,) = tree.path.glob("usr/local/lib/python3*/dist-packages")
    return found
