"""The admin port is found and asked; without a response there is one line that says so."""

from pathlib import Path

import click
import pytest

from gateway.cli.admin_port import AdminResponse, ask_admin_port, find_admin_port
from tests.cli.config_files import VALID, write_config
from tests.cli.peers import closed_port, http_peer, silent_peer


def address_of(url: str) -> tuple[str, int]:
    return find_admin_port(url, None, "--admin")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:9901", ("127.0.0.1", 9901)),
        ("http://admin.example/", ("admin.example", 80)),
        ("http://[::1]:7000", ("::1", 7000)),
    ],
)
def test_a_url_is_host_and_port(url: str, address: tuple[str, int]) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:9901", "https://a:1", "http://", "http://a:x", "http://u@a:1"),
        *("http://a/status", "http://a?x=1", "http://a#b", "http://[::1"),
    ],
)
def test_anything_else_is_a_usage_error_of_its_option(url: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        address_of(url)

    assert refused.value.param_hint == "--admin"


def test_without_a_url_the_configuration_says_where_it_is(tmp_path: Path) -> None:
    path = write_config(tmp_path, VALID + "admin: 127.0.0.1:7001\n")

    assert find_admin_port(None, path, "--admin") == ("127.0.0.1", 7001)


@pytest.mark.parametrize(("text", "code"), [("admin: false\n", 1), (None, 3)])
def test_a_configuration_without_one_is_the_end(
    text: str | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing.yaml" if text is None else write_config(tmp_path, VALID + text)

    with pytest.raises(SystemExit) as end:
        find_admin_port(None, path, "--admin")

    assert end.value.code == code
    assert capsys.readouterr().err.startswith("gateway: ")


def test_what_is_answered_comes_back_with_its_status() -> None:
    with http_peer(b"words", 418) as url:
        assert ask_admin_port(address_of(url), "/x", 5.0) == AdminResponse(418, b"words")


def test_nobody_there_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    port = closed_port()

    with pytest.raises(SystemExit) as end:
        ask_admin_port(("127.0.0.1", port), "/x", 5.0)

    assert end.value.code == 3
    said = (
        f"gateway: no response from the admin port at 127.0.0.1 port {port}: connection refused\n"
    )
    assert capsys.readouterr().err == said


def test_who_says_nothing_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    with silent_peer() as place:
        address = address_of(f"http://{place}")
        with pytest.raises(SystemExit):
            ask_admin_port(address, "/x", 0.05)

    assert "timed out" in capsys.readouterr().err


def test_a_name_that_is_none_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        ask_admin_port(("a b", 1), "/x", 5.0)

    assert end.value.code == 3
    assert capsys.readouterr().err.startswith("gateway: no response from the admin port at a b")
