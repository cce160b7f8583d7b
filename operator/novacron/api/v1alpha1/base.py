"""What every model of the resource shares: camelCase outside, snake_case inside, frozen, unknown fields refused."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from novacron.api.v1alpha1.rules import Rule


class Model(BaseModel):
    """One object of the resource. ``rules`` hold over the whole object; those of base classes hold as well."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    rules: ClassVar[tuple[Rule[Any], ...]] = ()
    extensions: ClassVar[dict[str, object]] = {}

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: object) -> object:
        # The API server prunes a null before it fills in defaults, so `api: null` means "not given" there as well.
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data

    def manifest(self) -> dict[str, Any]:
        """The object as it stands in YAML: field names of the resource, plain types, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
