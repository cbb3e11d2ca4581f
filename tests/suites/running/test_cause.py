"""A failure says in one line what decided, and where the configuration says so."""

from pathlib import Path

import pytest

from gateway.suites.running.judge import describe_cause
from tests.suites.worlds import ESTATE, in_folder, make

GATEWAY = ESTATE.replace("audiences: [shop, orders]", "audiences: ['https://h/shop']") + (
    "resources: {shop: {resource: 'https://h/shop', authorization_servers: [partner]}}\n"
    "limits: {body: 10B}\n"
)


def cause(directory: Path, request: str, persona: str = "issuer: main") -> str:
    suite = (
        f"version: 1\ngateway: gateway.yaml\npersonas: {{p: {{{persona}}}}}\n"
        f"tests: [{{name: t, request: {request}, expect: {{p: draining}}}}]\n"
    )
    ready = make(directory, suite, GATEWAY)
    ((test, name),) = ready.cases()
    outcome = ready.judge(test, name)
    return in_folder(directory)(describe_cause(outcome, ready.loaded.places))


@pytest.mark.parametrize(
    ("request_", "persona", "expected"),
    [
        (
            "GET https://h/tenants/a/orders/7",
            "issuer: main",
            "gateway.yaml:19:7: scopes: expected orders:read, found none",
        ),
        (
            "GET https://h/any",
            "issuer: main, times: {exp: -1h}",
            "gateway.yaml:3:3: times: expected current at 2026-01-01T12:00:00Z, found the token "
            "has expired: exp 2026-01-01T11:00:00Z, iat 2026-01-01T12:00:00Z",
        ),
        (
            "GET https://h/any",
            "issuer: main",
            "gateway.yaml:21:5: the route any allows it",
        ),
        (
            "GET https://h/nowhere",
            "issuer: main",
            "route: expected a route for GET on host 'h', found no route matches host and path",
        ),
        (
            "{url: https://h/any, headers: {Content-Length: '11'}}",
            "issuer: main",
            "gateway.yaml:24:10: body: expected a Content-Length of at most 10, found 11",
        ),
        (
            "{url: https://h/any, headers: {Content-Length: '1x'}}",
            "issuer: main",
            "request: expected one well-formed HTTP/1.1 request within the limits, found invalid "
            "character in content-length",
        ),
        (
            "GET https://h/.well-known/oauth-protected-resource/shop",
            "issuer: main",
            "the gateway responds with a published document",
        ),
    ],
)
def test_what_decided_is_named(request_: str, persona: str, expected: str, tmp_path: Path) -> None:
    assert cause(tmp_path, request_, persona) == expected
