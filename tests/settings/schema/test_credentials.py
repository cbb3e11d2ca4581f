"""How the credentials of an upstream are written."""

from pathlib import Path

import pytest

from tests.settings.build.clients.upstream_credentials import with_credentials
from tests.settings.configs import assert_found

MISTAKES = [
    ("missing_key unknown_key", with_credentials("{¦bearer: {}}").replace("cred", "¦cred")),
    ("wrong_type", with_credentials("{client_credentials: ¦[a]}")),
    ("missing_key", with_credentials("{¦client_credentials: {issuer: main}}")),
    ("bad_value", with_credentials("own", scopes='[¦"a b"]')),
    ("empty_list", with_credentials("own", scopes="¦[]")),
    ("bad_value", with_credentials("own", timeout="¦0s")),
    ("unknown_key", with_credentials("own", **{"¦actor": "none"})),
    ("bad_value", with_credentials("exchange", requested_token_type="¦id_token")),
    ("bad_value", with_credentials("exchange", actor="¦gateway")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)
