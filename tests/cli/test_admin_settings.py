from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.admin_settings import (
    UnreadableError,
    admin_address,
    admin_token,
    default_config,
)
from gateway.settings.schema.models import ConfigFile
from gateway.settings.values.configuration import Address


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "gateway.yaml"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("version: 1", Address("127.0.0.1", 9901)),
        ("admin: 127.0.0.1:7000", Address("127.0.0.1", 7000)),
        ("admin: {address: 127.0.0.1:7000, token_env: NAME}", Address("127.0.0.1", 7000)),
        ("admin: {token_env: NAME}", Address("127.0.0.1", 9901)),
        ("admin: 0.0.0.0:7000", Address("127.0.0.1", 7000)),
        ("admin: '[::]:7000'", Address("::1", 7000)),
        ("admin: admin.internal:7000", Address("admin.internal", 7000)),
        ("admin: '${ADMIN}'", Address("127.0.0.1", 7001)),
    ],
)
def test_the_admin_port_is_found(config: Path, text: str, address: Address) -> None:
    config.write_text(text)

    assert admin_address(config, {"ADMIN": "127.0.0.1:7001"}) == address


@pytest.mark.parametrize(
    "text", ["routes: 12\nadmin: 127.0.0.1:7000", "admin: 127.0.0.1:7000\nnonsense: {a: on}"]
)
def test_a_mistake_elsewhere_in_the_file_does_not_matter(config: Path, text: str) -> None:
    """The running gateway refused it and works on; a probe that fails now would kill it."""
    config.write_text(text)

    assert admin_address(config, {}) == Address("127.0.0.1", 7000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("admin: false", "turns the admin port off"),
        ("admin: 127.0.0.1:0", "port 0"),
        ("admin: nonsense", "not an address"),
        ("admin: 12", "not an address"),
        ("admin: [a]", "not an address"),
        ("admin: {address: 12}", "not an address"),
        ("admin: '${ADMIN}'", "not an address"),
        ("", "holds no keys"),
        ("- a", "holds no keys"),
        ("admin: [", "gateway.yaml:"),
    ],
)
def test_what_names_no_admin_port_is_said(config: Path, text: str, words: str) -> None:
    config.write_text(text)

    found = admin_address(config, {})

    assert isinstance(found, str)
    assert words in found


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(config: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot read"):
        admin_address(config, {})


@given(content=st.binary(max_size=200))
def test_any_bytes_are_an_address_or_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    config = tmp_path_factory.getbasetemp() / "any.yaml"
    config.write_bytes(content)

    assert isinstance(admin_address(config, {}), Address | str)


def test_the_default_is_that_of_the_settings(config: Path) -> None:
    config.write_text("version: 1")

    found = admin_address(config, {})

    assert isinstance(found, Address)
    assert f"{found.host}:{found.port}" == ConfigFile.model_fields["admin"].default


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        ({}, "config/gateway.yaml"),
        ({"GATEWAY_CONFIG": ""}, "config/gateway.yaml"),
        ({"GATEWAY_CONFIG": "/etc/gateway/gateway.yaml"}, "/etc/gateway/gateway.yaml"),
    ],
)
def test_the_environment_names_the_file_or_the_default_serves(
    environ: dict[str, str], file: str
) -> None:
    assert default_config(environ) == Path(file)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("admin: {address: 127.0.0.1:7000, token_env: NAME}", "hush"),
        ("admin: {token_env: OTHER}", None),
        ("admin: {token_env: 7}", None),
        ("admin: 127.0.0.1:7000", None),
        ("admin: false", None),
        ("version: 1", None),
        ("[]", None),
        ("{", None),
    ],
)
def test_the_token_of_the_admin_port_is_in_the_environment(
    config: Path, text: str, token: str | None
) -> None:
    config.write_text(text)

    assert admin_token(config, {"NAME": "hush"}) == token


def test_the_token_may_be_in_a_file_beside_the_configuration(config: Path) -> None:
    config.write_text("admin: {token_file: held}")
    (config.parent / "held").write_text("hush\n")

    assert admin_token(config, {}) == "hush"


@pytest.mark.parametrize("name", ["nowhere", ".", "'a\\0b'", '"a\\0b"'])
def test_a_token_file_that_cannot_be_read_is_an_error(config: Path, name: str) -> None:
    config.write_text(f"admin: {{token_file: {name}}}")

    with pytest.raises(UnreadableError, match="cannot read"):
        admin_token(config, {})


def test_a_port_that_a_variable_turns_off_is_off(config: Path) -> None:
    config.write_text("admin: '${ADMIN}'")

    assert "turns the admin port off" in str(admin_address(config, {"ADMIN": "false"}))
