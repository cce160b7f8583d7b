"""A certificate authority of one test run, for datastores and their clients."""

from __future__ import annotations

from pathlib import Path

import trustme


class Authority:
    """Trusts what it issued."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="novacron tests")

    @property
    def pem(self) -> bytes:
        return self._ca.cert_pem.bytes()

    def write(self, directory: Path) -> Path:
        """ca.crt in a folder."""
        path = directory / "ca.crt"
        path.write_bytes(self.pem)
        return path

    def client(self, directory: Path, user: str) -> tuple[Path, Path]:
        """Certificate and key that prove a user."""
        return _written(directory, "client", self._ca.issue_cert("client.invalid", common_name=user))

    def server(self, directory: Path, *names: str) -> tuple[Path, Path]:
        """Certificate and key of a server, in files."""
        leaf = self._ca.issue_cert(*(names or ("127.0.0.1", "localhost")))
        return _written(directory, "server", leaf)


def _written(directory: Path, name: str, leaf: trustme.LeafCert) -> tuple[Path, Path]:
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    return certificate, key
