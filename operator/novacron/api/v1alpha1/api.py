"""Workload api: the shape with its own defaults unchanged."""

from __future__ import annotations

from novacron.api.v1alpha1.workload import Workload


class ApiWorkload(Workload):
    """The public HTTP interface."""
