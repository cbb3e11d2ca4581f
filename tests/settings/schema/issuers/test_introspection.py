"""How introspection is written."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.settings.schema.issuers.introspection import IntrospectionModel
from gateway.settings.schema.json_schema import make_schema
from tests.settings.build.issuers.introspected import introspected
from tests.settings.configs import assert_found

MISTAKES = [
    ("unknown_key", introspected(more=", ¦endpoint: x")),
    ("bad_value", introspected(more=", response: ¦xml")),
    ("bad_value", introspected(more=", cache: ¦60")),
    ("bad_value", introspected(more=", timeout: ¦0s")),
    ("wrong_type", introspected(more=", url: ¦[x]")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)


def test_every_key_tells_an_editor_what_it_is() -> None:
    assert all(field.description for field in IntrospectionModel.model_fields.values())


def test_an_editor_accepts_what_the_gateway_accepts_and_no_two_key_sources() -> None:
    good = yaml.safe_load(introspected())
    jsonschema.validate(good, make_schema())
    good["issuers"]["idp"]["discovery"] = True

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good, make_schema())
