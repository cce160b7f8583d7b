"""The Kubernetes client's generated models are not in the image: kubeconfigs of every kind are read without them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image import contents

_TESTS = contents.CHECKOUT / "tests" / "unit" / "adapters" / "test_credentials.py"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the image's compiled packages are for Python 3.11")
def test_credentials_are_read_with_the_packages_of_the_image(site: Path) -> None:
    assert not (site / "kubernetes" / "client" / "models" / "v1_pod.py").exists()
    environment = {**os.environ, "PYTHONPATH": str(site)}
    told = subprocess.run(
        [sys.executable, "-c", "import kubernetes, novacron; print(kubernetes.__file__, novacron.__file__)"],
        env=environment,
        cwd=site,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(file.startswith(str(site)) for file in told.stdout.split())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(_TESTS)]
    done = subprocess.run(command, env=environment, cwd=contents.CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
