"""How a way to log in is written."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.settings.schema.json_schema import make_schema
from gateway.settings.schema.login import LoginModel, SessionModel
from tests.settings.build.login.login_configs import one_login
from tests.settings.configs import assert_found

REQUIRED = {"issuer": "main", "origins": ["https://a.example"], "client_id": "web"}

MISTAKES = [
    ("wrong_type", one_login(origins='¦"https://app.example.com"')),
    ("empty_list", one_login(origins="¦[]")),
    ("empty_list", one_login(scopes="¦[]")),
    ("empty_list", one_login(claims="¦[]")),
    ("wrong_type", one_login(extra_params="{prompt: ¦1}")),
    ("unknown_key", one_login(session="{¦ttl: 1h}")),
    ("bad_value", one_login(session="{total: ¦8}")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)


def test_a_default_is_a_value_that_could_be_written() -> None:
    session = SessionModel.model_validate({"store": "memory", "idle": "30m", "total": "8h"})

    assert LoginModel.model_validate(REQUIRED).session == session == SessionModel()


@pytest.mark.parametrize("kind", [LoginModel, SessionModel])
def test_every_key_tells_an_editor_what_it_is(kind: type[LoginModel] | type[SessionModel]) -> None:
    assert all(field.description for field in kind.model_fields.values())


def test_an_editor_accepts_what_the_gateway_accepts() -> None:
    text = one_login(session="{store: cookie, keys: ['${KEY}'], idle: 5m}", resource='"https://a"')

    jsonschema.validate(yaml.safe_load(text), make_schema())


@pytest.mark.parametrize(
    "text",
    [
        one_login(client_secret="a-secret-itself"),
        one_login(session="{store: cookie, keys: [a-key-itself]}"),
        one_login().replace("require: {}", "public: true"),
        one_login(origins="[]"),
    ],
)
def test_an_editor_refuses_what_the_gateway_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), make_schema())
