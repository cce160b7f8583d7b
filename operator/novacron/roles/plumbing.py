"""kopf without the official Kubernetes client, which it would load to recognise models that nobody hands it here.

That client brings 270 modules: 0.1 s and 9 MB of every start of the operator. Kubeconfigs are read with it later, where
there is one (adapters/credentials.py). kopf does without where it is not installed, so that is what its import is told.
"""

from __future__ import annotations

import sys

__all__ = ["kopf"]

_CLIENT = "kubernetes"

if _CLIENT in sys.modules:
    import kopf
else:
    sys.modules[_CLIENT] = None  # type: ignore[assignment]
    try:
        import kopf
    finally:
        del sys.modules[_CLIENT]
