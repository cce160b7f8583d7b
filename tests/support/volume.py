"""A mounted Secret or ConfigMap, replaced as the kubelet does it: a new folder beside, then one link turned."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path

_numbers = itertools.count()


class Volume:
    """A folder whose files all change at once."""

    def __init__(self, path: Path, files: Mapping[str, str | bytes]) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.replace(files)

    def replace(self, files: Mapping[str, str | bytes]) -> None:
        link = self.path / "..data"
        before = link.resolve() if link.is_symlink() else None
        content = self.path / f"..{next(_numbers)}"
        content.mkdir()
        for name, text in files.items():
            (content / name).write_bytes(text.encode() if isinstance(text, str) else text)
        turned = self.path / "..data_tmp"
        turned.symlink_to(content.name)
        turned.replace(link)
        for name in files:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        for path in [path for path in self.path.iterdir() if not path.name.startswith("..") and not path.exists()]:
            path.unlink()
        if before is not None:
            shutil.rmtree(before)
