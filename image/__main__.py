"""``python -m image``: build the image, look into one, write its root, pin Debian's packages. Standard library only."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from image import archive, contents, debian, lock
from image.build import build, prepared, root
from image.errors import ImageError

_OUTPUT = contents.CHECKOUT / ".image" / "novacron.tar"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 where it cannot be built, 2 for wrong usage, 130 interrupted."""
    chosen = _parser().parse_args(arguments)
    try:
        _run(chosen)
    except ImageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="image", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    name = f"localhost/novacron:{contents.project().version}"
    making = commands.add_parser("build", help="write the image as an OCI archive, its bill of materials beside it")
    making.add_argument("--output", type=Path, default=_OUTPUT, help="default: .image/novacron.tar of the checkout")
    making.add_argument("--name", default=name, help="as a runtime will know it (default: %(default)s)")
    preparing = commands.add_parser("prepare", help="make what the locks decide, and keep it in the cache")
    writing = commands.add_parser("rootfs", help="write the file system as directories, one a layer, for a Dockerfile")
    writing.add_argument("directory", type=Path)
    for command in (making, preparing, writing):
        command.add_argument(
            "--accept-newer", action="store_true", help="take what Debian's archive has where it lacks what is locked"
        )
    looking = commands.add_parser("inspect", help="say what an archive holds")
    looking.add_argument("archive", type=Path, nargs="?", default=_OUTPUT)
    commands.add_parser("lock", help="pin what Debian's archive has now")
    return parser


def _run(chosen: argparse.Namespace) -> None:
    if chosen.command == "build":
        built = build(chosen.output, chosen.name, accept_newer=chosen.accept_newer)
        _say(f"{chosen.name} {built.digest}")
        for layer in built.layers:
            size, unpacked = f"{layer.size / 1e6:6.1f} MB", f"{layer.unpacked / 1e6:6.1f} MB in {layer.files} files"
            _say(f"  {size}, unpacked {unpacked}: {layer.comment}")
        _say(f"{_shown(built.archive)} and {_shown(built.bill)}")
    elif chosen.command == "rootfs":
        root(chosen.directory, accept_newer=chosen.accept_newer)
    elif chosen.command == "prepare":
        prepared(accept_newer=chosen.accept_newer)
    elif chosen.command == "lock":
        lock.write(contents.contents(debian.triplet()).packages)
    else:
        _say(json.dumps(asdict(archive.describe(chosen.archive)), indent=1))


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
