"""The certificate authorities that the system trusts, as one file: libpq takes no folder of them."""

from __future__ import annotations

import ssl
from pathlib import Path

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, distroless
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # BSD
)


def system_bundle() -> str:
    """A path; empty where the system has none. ``SSL_CERT_FILE`` is honoured, as everywhere."""
    given = ssl.get_default_verify_paths().cafile
    return given or next((path for path in _BUNDLES if Path(path).is_file()), "")
