"""What a key's own check accepts, its pattern for editors accepts, too."""

import re
from collections.abc import Callable
from typing import Annotated, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.json_schema import WithJsonSchema

from gateway.decision.routes.template import parse_template
from gateway.settings.build.routes.cors import find_origin_problem
from gateway.settings.build.routes.foreign_paths import find_foreign_path
from gateway.settings.build.routes.routes import host_problem
from gateway.settings.schema import texts
from gateway.settings.values.addresses import (
    check_key_url,
    is_host,
    is_web_url,
    parse_address,
    parse_network,
    parse_server,
)
from gateway.settings.values.resource_identifier import parse_identifier


def schema_of(kind: Any) -> dict[str, Any]:
    schema = next(one for one in get_args(kind) if isinstance(one, WithJsonSchema))
    assert schema.json_schema is not None
    return schema.json_schema


def accepts(kind: Any, text: str) -> bool:
    return re.search(schema_of(kind)["pattern"], text) is not None


def is_template(text: str, is_prefix: bool) -> bool:
    if find_foreign_path(text, is_prefix) is not None:
        return False
    try:
        parse_template(text, is_prefix)
    except ValueError:
        return False
    return True


CHECKS: dict[str, tuple[Any, Callable[[str], bool], list[str]]] = {
    "address": (
        texts.AddressText,
        lambda text: not isinstance(parse_address(text), str),
        ["0.0.0.0:8080", "[::1]:65535", "gateway.internal.:0", "a_b:00080"],
    ),
    "server": (
        texts.ServerText,
        lambda text: not isinstance(parse_server(text), str),
        ["http://10.0.0.7:8000", "https://[fd00::1]", "https://orders.internal.:65535"],
    ),
    "host": (
        texts.HostText,
        lambda text: host_problem(text) is None,
        ["api.example.com", "*.example.com", "[::1]", "10.0.0.1", "a_b~c.example"],
    ),
    "name in a certificate": (texts.ServerName, is_host, ["orders.internal", "fd00::1", "a_b"]),
    "path": (
        texts.PathText,
        lambda text: is_template(text, False),
        ["/", "/orders/{id}/", "/a%20b/{x}/c", "/a.b/..c/x:y"],
    ),
    "prefix": (
        texts.PrefixText,
        lambda text: is_template(text, True),
        ["/", "/orders/", "/{tenant}/a%2e/"],
    ),
    "origin": (
        texts.OriginText,
        lambda text: find_origin_problem(text) is None,
        ["https://app.example.com", "https://*.example.com", "http://[::1]:3000", "app+x://a.b"],
    ),
    "network": (
        texts.NetworkText,
        lambda text: not isinstance(parse_network(text), str),
        ["10.0.0.0/8", "fd00::/8", "10.0.0.0/255.0.0.0", "fe80::1%eth0", "127.0.0.1"],
    ),
    "URL": (
        texts.SafeUrl,
        lambda text: check_key_url(text) is None,
        [
            "https://a.example/keys?x=1",
            "http://LocalHost:80/k",
            "http://[::1]/k",
            "http://127.0.0.9",
        ],
    ),
    "URL that may be insecure": (
        texts.UrlText,
        lambda text: check_key_url(text, is_insecure=True) is None,
        ["http://keys.internal/keys", "https://a.example/", "http://10.0.0.1:8080"],
    ),
    "page": (texts.PageUrl, is_web_url, ["https://docs.example.com/a#b", "http://a.example"]),
    "resource": (
        texts.ResourceUrl,
        lambda text: not isinstance(parse_identifier(text), str),
        ["https://api.example.com/orders", "https://a.example:8443", "http://localhost:81/x"],
    ),
}


@st.composite
def near(draw: st.DrawFn, text: str) -> str:
    """Return *text* after up to three edits."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 2, len(text))))
        new = draw(st.text("aZ0:/.*-_~%{}[]@#? \\;=,+é", max_size=3))
        text = text[:start] + new + text[end:]
    return text


@pytest.mark.parametrize("what", CHECKS)
@given(data=st.data())
def test_a_pattern_refuses_nothing_that_the_gateway_accepts(what: str, data: st.DataObject) -> None:
    kind, check, good = CHECKS[what]
    text = data.draw(st.sampled_from(good).flatmap(near))

    assert accepts(kind, text) or not check(text)


@pytest.mark.parametrize("what", CHECKS)
def test_the_gateway_accepts_what_the_pattern_shows_as_an_example(what: str) -> None:
    kind, check, good = CHECKS[what]

    assert all(check(text) for text in [*schema_of(kind)["examples"], *good])


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (texts.AddressText, ["8080", ":8080", "0.0.0.0", "http://a:80", "*:80", "a:65536"]),
        (texts.ServerText, ["10.0.0.7:8000", "http://a/", "grpc://a:1", "http://a:80/x"]),
        (texts.HostText, ["*", "a.*", ".a", "A.example", "a:80", "https://a", "a/b"]),
        (texts.PathText, ["a", "//a", "/a/../b", "/a?b", "/a b", "/{a:[0-9]}", "/x{a}", "^/a$"]),
        (texts.PrefixText, ["/a", "/a/*", "a/"]),
        (texts.FileText, ["-----BEGIN CERTIFICATE-----\nMII", '{"keys": []}', ' { "keys": 1}']),
        (texts.VariableText, ["b7f3-Zq9!kL2@", "4a", "a b"]),
        (texts.OwnField, ["X User", "Authorization", "host", "Content-Type", "X-Forwarded-For"]),
        (texts.RedisUrl, ["10.0.0.5:6379", "redis://:secret@10.0.0.5", "http://a"]),
        (texts.ProxyUrl, ["proxy:3128", "https://proxy:3128", "http://proxy", "http://a:b@c:1"]),
        (texts.CollectorUrl, ["127.0.0.1:4317", "http://127.0.0.1:4318", "http://a:1/"]),
    ],
)
def test_a_pattern_refuses_what_people_write_by_mistake(kind: Any, bad: list[str]) -> None:
    assert [text for text in bad if accepts(kind, text)] == []


def test_every_kind_of_text_shows_an_example_that_it_accepts() -> None:
    kinds = [kind for kind in vars(texts).values() if type(kind) is type(Annotated[str, 1])]
    with_patterns = [k for k in kinds if any(isinstance(o, WithJsonSchema) for o in get_args(k))]

    assert len(with_patterns) > 20
    for kind in with_patterns:
        assert all(accepts(kind, example) for example in schema_of(kind)["examples"])
