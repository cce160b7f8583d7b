"""What update-ca-certificates would have made: names by hash, so that OpenSSL reads the one that it needs.

A bundle alone would be parsed whole by every process that makes a TLS context, as aiohttp does at its import. Run by
the image's Python with the image's OpenSSL: ``python certificates.py ROOT SOURCE HASHED``, the latter two below ROOT.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from pathlib import Path

_BUNDLE = "ca-certificates.crt"


def write(root: Path, source: str, hashed: str) -> None:
    """Links from a directory that OpenSSL looks into, and one file of all for whoever asks for a file."""
    files = sorted((root / source).rglob("*.crt"), key=lambda file: file.name)
    folder = root / hashed
    seen: Counter[str] = Counter()
    for file in files:
        name = f"{_subject_hash(file.read_bytes()):08x}"
        (folder / f"{name}.{seen[name]}").symlink_to(f"/{file.relative_to(root)}")
        seen[name] += 1
    bundle = folder / _BUNDLE
    bundle.write_text("".join(file.read_text().rstrip("\n") + "\n" for file in files))
    bundle.chmod(0o644)


def _subject_hash(pem: bytes) -> int:
    crypto = ctypes.CDLL("libcrypto.so.3")
    for name in ("BIO_new_mem_buf", "PEM_read_bio_X509"):
        getattr(crypto, name).restype = ctypes.c_void_p
    crypto.X509_subject_name_hash.restype = ctypes.c_ulong
    memory = ctypes.c_void_p(crypto.BIO_new_mem_buf(pem, len(pem)))
    certificate = ctypes.c_void_p(crypto.PEM_read_bio_X509(memory, None, None, None))
    if certificate.value is None:
        raise ValueError("no certificate in PEM")
    found = int(crypto.X509_subject_name_hash(certificate))
    crypto.X509_free(certificate)
    crypto.BIO_free(memory)
    return found


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
