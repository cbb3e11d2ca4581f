from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, faults, load


def test_the_admin_port_asks_for_the_token_of_the_environment(tmp_path: Path) -> None:
    settings = load(tmp_path, config("admin: {address: 0.0.0.0:9901, token_env: TOKEN}\n"))

    assert settings.admin is not None
    assert settings.admin.token == "admin-token"
    assert faults(tmp_path, config("admin: {address: 0.0.0.0:9901, token_env: TOKEN}\n")) == ()


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", config("listen: ¦localhost\n")),
    ("bad_value", config("listen: ¦0.0.0.0:65536\n")),
    ("bad_value", config("admin: {address: ¦nowhere}\n")),
    ("unset_variable", config("admin: {token_env: ¦NOT_SET}\n")),
    ("duplicate_value", config("listen: 127.0.0.1:1\nadmin: ¦127.0.0.1:1\n")),
    ("missing_file", config("listen: {address: a:1, tls: {certificate: ¦no.pem, key: ¦no.pem}}\n")),
    ("bad_value", config("trusted_proxies: [¦10.0.0.1/8]\n")),
    ("bad_value", config("trusted_proxies: [¦example.com]\n")),
    ("bad_value", config("listen: ¦'[1.2]:80'\n")),
    ("unset_variable", config("admin: {address: 127.0.0.1:0, token_env: ¦NOT_SET}\n")),
    ("admin_exposed", config("admin: ¦0.0.0.0:9901\n")),
    ("trusts_everyone", config("trusted_proxies: [¦0.0.0.0/0]\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_listener_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
