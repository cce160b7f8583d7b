"""On which processors numpy is told to do without its widest vectors, and that it listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from novacron.roles import processor


def information(vendor: str, family: int, flags: str) -> str:
    """As /proc/cpuinfo has it, of two processors."""
    kind = f"vendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: 17\n"
    one = f"processor\t: 0\n{kind}flags\t\t: {flags}\npower management:\n"
    return f"{one}\n{one}\n"


@pytest.mark.parametrize(
    ("text", "zen4"),
    [
        (information("AuthenticAMD", 25, "avx avx2 avx512f avx512bw"), True),
        (information("AuthenticAMD", 25, "avx avx2"), False),  # Zen 3
        (information("AuthenticAMD", 26, "avx avx2 avx512f avx512bw"), False),  # Zen 5
        (information("AuthenticAMD", 23, "avx avx2"), False),  # Zen 2
        (information("GenuineIntel", 6, "avx avx2 avx512f"), False),
        ("processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n", False),
        ("", False),
    ],
)
def test_zen_4_alone(text: str, zen4: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    environment: dict[str, str] = {}
    processor.prepare(environment, tmp_path / "cpuinfo")
    assert (environment.pop("OPENBLAS_NUM_THREADS"), environment.pop("ARROW_DEFAULT_MEMORY_POOL")) == ("1", "system")
    assert environment == ({"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL"} if zen4 else {})


def test_what_somebody_has_set_stays(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(information("AuthenticAMD", 25, "avx512f"))
    own = {"NPY_DISABLE_CPU_FEATURES": "", "OPENBLAS_NUM_THREADS": "4", "ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}
    environment = dict(own)
    processor.prepare(environment, tmp_path / "cpuinfo")
    assert environment == own


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    processor.prepare(environment, tmp_path / "none")
    assert set(environment) == {"OPENBLAS_NUM_THREADS", "ARROW_DEFAULT_MEMORY_POOL"}


def test_numpy_knows_these_names(tmp_path: Path) -> None:
    """Those of another version would be ignored, or stop its import."""
    (tmp_path / "cpuinfo").write_text(information("AuthenticAMD", 25, "avx512f"))
    program = (
        "import json, warnings, pathlib; from novacron.roles import processor;"
        f"processor.prepare(information=pathlib.Path({str(tmp_path / 'cpuinfo')!r}));"
        "warnings.simplefilter('error'); import numpy;"
        "from numpy._core._multiarray_umath import __cpu_features__, __cpu_dispatch__, __cpu_baseline__;"
        "print(json.dumps([__cpu_features__, __cpu_dispatch__, __cpu_baseline__]))"
    )
    usual = {name: value for name, value in os.environ.items() if not name.startswith("NPY_")}
    done = subprocess.run([sys.executable, "-c", program], env=usual, capture_output=True, text=True, check=True)
    features, dispatched, baseline = json.loads(done.stdout)
    if "X86_V2" not in [*baseline, *dispatched]:
        pytest.skip("not of this architecture")
    for name in ("X86_V4", "AVX512_ICL"):
        assert name in dispatched
        assert not features[name]


def test_pyarrow_knows_its_name() -> None:
    program = "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    environment = dict(os.environ)
    processor.prepare(environment)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "system"
