from pathlib import Path

import pytest

from gateway.settings.load import Rejected, load_settings
from gateway.settings.text.fault import Code
from gateway.settings.values.configuration import Address
from tests.settings.configs import ENVIRON, assert_found, config, faults, load
from tests.settings.tls_files import write_tls_files


def test_the_admin_port_asks_for_the_token_of_the_environment(tmp_path: Path) -> None:
    settings = load(tmp_path, config("admin: {address: 0.0.0.0:9901, token_env: TOKEN}\n"))

    assert settings.admin is not None
    assert settings.admin.token == "admin-token"
    assert faults(tmp_path, config("admin: {address: 0.0.0.0:9901, token_env: TOKEN}\n")) == ()


@pytest.mark.parametrize("token", ["admin\n", " admin", "admin\t", "ad\x7fmin", "admín", "a\nb"])
def test_a_token_that_no_request_could_show_is_a_mistake_and_is_not_shown(
    token: str, tmp_path: Path
) -> None:
    """As a secret that was written with a line feed at its end: the port would refuse everybody."""
    path = tmp_path / "gateway.yaml"
    path.write_text(config("admin: {address: 127.0.0.1:0, token_env: TOKEN}\n"))

    found = load_settings(path, ENVIRON | {"TOKEN": token})

    assert isinstance(found, Rejected)
    assert [(fault.code, fault.place.line) for fault in found.faults] == [(Code.BAD_VALUE, 11)]
    assert not any(token.strip() in fault.message for fault in found.faults)


def test_the_data_port_has_as_many_addresses_as_are_listed(tmp_path: Path) -> None:
    write_tls_files(tmp_path)
    tls = "{address: 0.0.0.0:8443, tls: {certificate: server.pem, key: server.key}}"
    settings = load(tmp_path, config(f"listen: ['0.0.0.0:8080', '[::]:8080', {tls}]\n"))

    assert [one.address for one in settings.listen] == [
        Address("0.0.0.0", 8080),
        Address("::", 8080),
        Address("0.0.0.0", 8443),
    ]
    assert [one.tls is None for one in settings.listen] == [True, True, False]


@pytest.mark.parametrize(
    "listen",
    [
        "[127.0.0.1:1, 127.0.0.2:1]",
        "[127.0.0.1:0, 127.0.0.1:0]",  # the system chooses two ports
        "['[::]:1', 127.0.0.1:1, 127.0.0.1:2]",
        "[{address: 127.0.0.1:1}]",
    ],
)
def test_addresses_that_share_no_connection_can_be_listed(listen: str, tmp_path: Path) -> None:
    assert faults(tmp_path, config(f"listen: {listen}\n")) == ()


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", config("listen: ¦localhost\n")),
    ("bad_value", config("listen: ¦0.0.0.0:65536\n")),
    ("bad_value", config("admin: {address: ¦nowhere}\n")),
    ("unset_variable", config("admin: {token_env: ¦NOT_SET}\n")),
    ("duplicate_value", config("listen: 127.0.0.1:1\nadmin: ¦127.0.0.1:1\n")),
    ("duplicate_value", config("listen: [a:1, 127.0.0.1:1]\nadmin: ¦127.0.0.1:1\n")),
    ("duplicate_value", config("listen: [127.0.0.1:1, ¦127.0.0.1:1]\n")),
    ("duplicate_value", config("listen: [127.0.0.1:1, a:1, {address: ¦127.0.0.1:1}]\n")),
    ("duplicate_value", config("listen: [0.0.0.0:1, ¦127.0.0.1:1]\n")),
    ("duplicate_value", config("listen: ['[::1]:1', ¦'[::]:1']\n")),
    ("duplicate_value", config("listen: ['[::]:1', ¦'[::0]:1']\n")),
    ("bad_value", config("listen: [127.0.0.1:1, ¦localhost]\n")),
    ("bad_value", config("listen: ['[::1]:1', {address: ¦nowhere}]\n")),
    (
        "missing_file",
        config("listen: [a:1, {address: a:2, tls: {certificate: ¦no.pem, key: ¦no.pem}}]\n"),
    ),
    ("empty_list", config("listen: ¦[]\n")),
    ("unknown_key", config("listen: [{address: a:1, ¦tsl: {}}]\n")),
    ("wrong_type", config("listen: [¦1]\n")),
    ("missing_file", config("listen: {address: a:1, tls: {certificate: ¦no.pem, key: ¦no.pem}}\n")),
    ("bad_value", config("trusted_proxies: [¦10.0.0.1/8]\n")),
    ("bad_value", config("trusted_proxies: [¦example.com]\n")),
    ("bad_value", config("listen: ¦'[1.2]:80'\n")),
    ("bad_value", config("listen: ['127.0.0.1:1', ¦'[::ffff:127.0.0.1]:2']\n")),
    ("bad_value", config("admin: ¦'[::ffff:127.0.0.1]:2'\n")),
    ("unset_variable", config("admin: {address: 127.0.0.1:0, token_env: ¦NOT_SET}\n")),
    ("admin_exposed", config("admin: ¦0.0.0.0:9901\n")),
    ("trusts_everyone", config("trusted_proxies: [¦0.0.0.0/0]\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_listener_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
