"""Base of the operator's own errors. Callers match classes, never text."""

from __future__ import annotations


class NovaCronError(Exception):
    """Something the operator or a command reports to a person; the text names the reason and the remedy."""
