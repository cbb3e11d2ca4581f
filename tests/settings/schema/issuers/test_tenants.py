"""The shape of tenants: a list, a file, or the word any."""

import pytest
from jsonschema import ValidationError, validate  # type: ignore[import-untyped]
from pydantic import ValidationError as ShapeError

from gateway.settings.schema.issuers.tenants import TenantsModel

SCHEMA = TenantsModel.model_json_schema()


@pytest.mark.parametrize(
    "tenants", [{"allow": ["a"]}, {"allow": "any"}, {"claim": "org.id", "allow_file": "a.txt"}]
)
def test_tenants_are_listed_or_in_a_file_or_any(tenants: dict[str, object]) -> None:
    TenantsModel.model_validate(tenants)
    validate(tenants, SCHEMA)


@pytest.mark.parametrize("tenants", [{"allow": "all"}, {"allow": []}, {"allow": ["a"], "more": 1}])
def test_nothing_else_is_taken_for_tenants(tenants: dict[str, object]) -> None:
    with pytest.raises(ShapeError):
        TenantsModel.model_validate(tenants)
    with pytest.raises(ValidationError):
        validate(tenants, SCHEMA)


@pytest.mark.parametrize("tenants", [{}, {"allow": ["a"], "allow_file": "a.txt"}])
def test_an_editor_refuses_both_and_neither(tenants: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        validate(tenants, SCHEMA)
