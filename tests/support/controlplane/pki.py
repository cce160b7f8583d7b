"""Certificates and keys of one control plane; they live as long as its directory."""

from __future__ import annotations

import json
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Authority:
    """One certificate authority for servers and clients."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._key = directory / "ca.key"
        self.certificate = directory / "ca.crt"
        if self.certificate.exists():
            self._ca = trustme.CA.from_pem(self.certificate.read_bytes(), self._key.read_bytes())
        else:
            self._ca = trustme.CA(organization_name="novacron tests")
            self._ca.cert_pem.write_to_path(self.certificate)
            self._ca.private_key_pem.write_to_path(self._key)

    def server(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """Certificate and key of a server that is reached under these names and addresses."""
        return self._issued(name, *hosts)

    def client(self, user: str, group: str = "") -> tuple[Path, Path]:
        """Certificate and key that prove a user, and a group."""
        name = "".join(char if char.isalnum() else "-" for char in f"client-{user}-{group}")
        return self._issued(name, "client.invalid", common_name=user, organization_name=group or None)

    def _issued(
        self, name: str, *names: str, common_name: str | None = None, organization_name: str | None = None
    ) -> tuple[Path, Path]:
        certificate, key = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        leaf = self._ca.issue_cert(*names, common_name=common_name, organization_name=organization_name)
        leaf.private_key_pem.write_to_path(key)
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        return certificate, key


def service_account_keys(directory: Path) -> tuple[Path, Path]:
    """Private and public key for service account tokens."""
    private, public = directory / "sa.key", directory / "sa.pub"
    if not private.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return private, public


def kubeconfig(path: Path, url: str, ca: Path, user: dict[str, str]) -> Path:
    """Writes a kubeconfig (JSON is YAML)."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "novacron", "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "novacron", "context": {"cluster": "novacron", "user": "user"}}],
        "current-context": "novacron",
    }
    path.write_text(json.dumps(content, indent=1))
    path.chmod(0o600)
    return path
