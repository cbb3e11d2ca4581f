"""How a client of an authorization server is written."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from gateway.settings.schema.clients import ClientModel
from tests.settings.build.login.login_configs import one_login
from tests.settings.configs import assert_found

MISTAKES = [
    ("bad_value", one_login(client_auth="¦tls")),
    ("wrong_type", one_login(client_secret="¦[a]")),
    ("wrong_type", one_login(client_secret="", client_secret_file="¦7")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)


@pytest.mark.parametrize(
    ("text", "is_fine"), [("${SECRET}", True), ("s3cret", False), ("x${SECRET}", False)]
)
def test_an_editor_marks_a_secret_in_the_file(text: str, is_fine: bool) -> None:
    schema = ClientModel.model_json_schema()
    client = {"client_id": "web", "client_secret": text}

    assert jsonschema.Draft202012Validator(schema).is_valid(client) is is_fine
