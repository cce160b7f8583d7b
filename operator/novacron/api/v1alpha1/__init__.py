"""Version v1alpha1 of the resource: typed, frozen models, the single source of the CustomResourceDefinition."""

from __future__ import annotations

from novacron.api.v1alpha1.api import ApiWorkload
from novacron.api.v1alpha1.auth import AuthWorkload
from novacron.api.v1alpha1.ml import MlWorkload
from novacron.api.v1alpha1.query import QueryWorkload
from novacron.api.v1alpha1.root import Metadata, NovaCron
from novacron.api.v1alpha1.spec import NovaCronSpec
from novacron.api.v1alpha1.status import AuthStatus, ComponentStatus, Condition, MlStatus, NovaCronStatus
from novacron.api.v1alpha1.validation import InvalidResource, Problem, validate
from novacron.api.v1alpha1.workload import Image, Workload

__all__ = [
    "ApiWorkload",
    "AuthStatus",
    "AuthWorkload",
    "ComponentStatus",
    "Condition",
    "Image",
    "InvalidResource",
    "Metadata",
    "MlStatus",
    "MlWorkload",
    "NovaCron",
    "NovaCronSpec",
    "NovaCronStatus",
    "Problem",
    "QueryWorkload",
    "Workload",
    "validate",
]
