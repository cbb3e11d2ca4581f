"""What an error of YAML says to the person who wrote the line."""

import pytest

from gateway.settings.text.yaml_nodes import parse_yaml


def told(text: str) -> str:
    (fault,) = parse_yaml(text.encode(), "a.yaml", {}).faults
    return fault.message.removeprefix("not YAML: ")


@pytest.mark.parametrize(
    ("text", "write"),
    [
        ("a: {path: /users/{id}, b: 1}", 'write "/users/{id}"'),
        ("a: [/users/{id}]", 'write "/users/{id}"'),
        ("a: {b: {path: /a-{id}/{n}}, c: 1}", 'write "/a-{id}/{n}"'),
        ("a: [${NAME}]", 'write "${NAME}"'),
        ("hosts: [*.a.example]", 'write "*.a.example"'),
        ("hosts:\n  - *.a.example", 'write "*.a.example"'),
        ("hosts: [*]", 'write "*"'),
        ("a:\n\tb: 1", "indented with spaces"),
        ("a: @b", 'write "@b"'),
        ("a: `b`", 'write "b"'),
        ("a: [%b, c]", 'write "%b"'),
        ("a: Orders: the API", 'write `a: "Orders: the API"`'),
        ("a:b\nc: d", "write `a: b`"),
        ("a: {\nb: [c\n", "in line"),
        ('a: "b\nc: d\n', "the quotation mark in line 1 is not closed"),
        ("a:\n  - b\n  c: d\n", "this line belongs to what begins in line"),
    ],
)
def test_an_error_says_what_to_write(text: str, write: str) -> None:
    assert write in told(text)


@pytest.mark.parametrize(
    "text",
    [
        "client_secret: @hunter22",
        "client_secret: *hunter22.x",
        "password: hunter22: x",
        "client_secret:hunter22\nb: 1",
        "keys: [a{hunter22}]",
    ],
)
def test_a_secret_on_the_line_is_not_repeated(text: str) -> None:
    assert "hunter22" not in told(text)


def test_an_error_that_is_not_known_is_that_of_the_parser() -> None:
    assert told("a: ]") == "did not find expected node content"


@pytest.mark.parametrize(("key", "write"), [("pem", "pem_file"), ("key", "key")])
def test_a_key_in_the_file_is_told_the_key_for_its_own_file(key: str, write: str) -> None:
    assert f"e.g. `{write}: file.pem`" in told(f'{key}: "-----BEGIN PUBLIC KEY-----\\nMFk"')
