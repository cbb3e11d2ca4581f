"""What a newcomer meant, by the key or the value that stands there."""

import pytest
import yaml

from gateway.settings.schema.meant import meant_key
from gateway.settings.schema.models import ConfigFile
from gateway.settings.schema.shape import check_shape
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Fault
from gateway.settings.text.yaml_nodes import parse_yaml


def told(text: str) -> list[str]:
    document = parse_yaml(text.encode(), "a.yaml", {"KEY": "s3cret"})
    faults: list[Fault] = []
    check_shape(Part(document, (), document.root), ConfigFile, faults)
    return [fault.message for fault in faults]


@pytest.mark.parametrize(
    ("text", "write"),
    [
        ("listen: 8080", "write `listen: 0.0.0.0:8080`"),
        ("admin: 9901", "write `admin: 127.0.0.1:9901`"),
        ('workers: "4"', "write 4 without quotes"),
        ("suites: a.test.yaml", "write `suites: [a.test.yaml]`"),
        ("reload: true", "write it like `reload:"),
        ('version: "1"', "write `version: 1`, without quotes"),
        ("routes: [{name: 7}]", 'write `name: "7"`, in quotes'),
        ("routes: [{match: /x}]", 'write `match: {path: "/x"}`'),
        ("routes: [{match: /x/}]", 'write `match: {path_prefix: "/x/"}`'),
        ("routes: [{upstream: [a]}]", "write `upstream: a`"),
        ("routes: [{scopes: [a]}]", "it belongs in `require`"),
        ("routes: [{require: true}]", "write `require: {}`"),
        ("routes: [{require: {claims: {tenant: acme}}}]", "write `tenant: {equals: acme}`"),
        ("routes: [{require: {claims: {tenant: [a, b]}}}]", "write `tenant: {in: [a, b]}`"),
        ('routes: [{require: {scopes: "a, b"}}]', "write `scopes: [a, b]`"),
        ("routes: [{match: {methods: GET POST}}]", "write `methods: [GET, POST]`"),
        ('routes: [{match: {methods: ["*"]}}]', "for every method, leave the list out"),
        ("routes: [{timeouts: 10s}]", 'write `timeouts: {response: "10s"}`'),
        ("issuers: {main: {discovery: https://a/b}}", "`discovery_url: https://a/b`"),
        ("issuers: {main: {audiences: orders}}", "write `audiences: [orders]`"),
        ("issuers: {main: https://a.example}", "write `main: {issuer: https://a.example, disc"),
        ("upstreams: {orders: http://a}", "write `orders: {servers: [http://a]}`"),
        ("upstreams: {orders: {servers: [http://a], queue: 100}}", "write `queue: {size: 100}`"),
        (
            "upstreams: {orders: {servers: [http://a], health: /up}}",
            'write `health: {path: "/up"}`',
        ),
        ("revocations: {lost: https://a/b}", "write `lost: {url: https://a/b}`"),
        ("revocations: {lost: lost.json}", "write `lost: {file: lost.json}`"),
    ],
)
def test_a_message_says_the_line_to_write(text: str, write: str) -> None:
    assert any(write in message for message in told(text)), told(text)


def test_a_secret_is_not_repeated() -> None:
    session = "login: {a: {issuer: b, client_id: c, origins: [d], session: {keys: s3cret}}}"

    assert "s3cret" not in str(told(session))
    assert "s3cret" not in str(told("suites: ${KEY}"))


@pytest.mark.parametrize(
    ("wrong", "known", "write"),
    [
        ("proxy_pass", ["upstream", "name"], "write `upstream: NAME`"),
        ("server_name", ["hosts"], "write `hosts: [api.example.com]`"),
        ("jwks_uri", ["jwks_url"], "write `jwks_url: URL`"),
        ("clockSkew", ["leeway"], "write `leeway: 30s`"),
    ],
)
def test_a_key_of_another_product_is_answered_where_ours_is_known(
    wrong: str, known: list[str], write: str
) -> None:
    assert write in str(meant_key(wrong, known))
    assert meant_key(wrong, []) is None


def test_every_line_to_write_is_yaml() -> None:
    from gateway.settings.schema.meant import _FOREIGN  # noqa: PLC0415 - all of them

    for _, _, said in _FOREIGN:
        for piece in said.split("`")[1::2]:
            yaml.safe_load(piece.replace("[URL]", "[u]").replace("{…}", "{}").replace("[…]", "[]"))
