"""What `security` means: any of its alternatives, all parts of each."""

import pytest

from gateway.openapi.api import Access, Security
from tests.openapi.apis import faults_of, read

SCHEMES = """\
    oidc: {type: openIdConnect, openIdConnectUrl: https://login.example.com/}
    oauth: {type: oauth2, flows: {}}
    jwt: {type: http, scheme: Bearer}
    basic: {type: http, scheme: basic}
    key: {type: apiKey, in: query, name: k}
    field: {type: apiKey, in: header, name: Authorization}
    cert: {type: mutualTLS}
    same: {$ref: '#/components/securitySchemes/jwt'}
"""


def text(rule: str, schemes: str = SCHEMES) -> str:
    return (
        f"openapi: 3.1.0\ncomponents:\n  securitySchemes:\n{schemes}"
        f"paths:\n  /a:\n    get: {{security: {rule}}}\n"
    )


def rule_of(rule: str) -> Security:
    (operation,) = read(text(rule)).operations
    return operation.security


def one(*scopes: str) -> frozenset[str]:
    return frozenset(scopes)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("[]", Security(Access.PUBLIC)),
        ("[{}]", Security(Access.PUBLIC)),
        ("[{oidc: [a, b]}]", Security(Access.TOKEN, (one("a", "b"),))),
        ("[{jwt: []}]", Security(Access.TOKEN, (one(),))),
        ("[{same: [role]}]", Security(Access.TOKEN, (one("role"),))),
        ("[{oidc: [b]}, {oauth: [a]}]", Security(Access.TOKEN, (one("a"), one("b")))),
        ("[{oidc: [a], oauth: [b]}]", Security(Access.TOKEN, (one("a", "b"),))),
        ("[{oidc: [a]}, {oidc: [a, b]}]", Security(Access.TOKEN, (one("a"),))),
        ("[{oidc: [a]}, {jwt: []}]", Security(Access.TOKEN, (one(),))),
        ("[{oidc: [a]}, {}]", Security(Access.TOKEN, (one("a"),), is_optional=True)),
        ("[{key: []}]", Security(Access.UNCOVERED, uncovered=("`key` (apiKey)",))),
        ("[{basic: []}]", Security(Access.UNCOVERED, uncovered=("`basic` (http basic)",))),
        ("[{key: []}, {}]", Security(Access.PUBLIC, uncovered=("`key` (apiKey)",))),
        (
            "[{cert: [], oidc: [a]}, {key: []}]",
            Security(
                Access.TOKEN,
                (one("a"),),
                uncovered=("`cert` (mutualTLS)", "`key` (apiKey)"),
                beside=("`cert` (mutualTLS)",),
            ),
        ),
    ],
)
def test_a_rule(rule: str, expected: Security) -> None:
    assert rule_of(rule) == expected


def test_an_api_key_in_authorization_says_how_to_describe_a_bearer_token() -> None:
    assert rule_of("[{field: []}]").uncovered == (
        "`field` (apiKey: if it is a bearer token, write `type: http, scheme: bearer`)",
    )


def test_without_security_nothing_is_said() -> None:
    (operation,) = read("openapi: 3.0.0\npaths: {/a: {get: {}}}").operations

    assert operation.security == Security(Access.UNSAID)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{}", "wrong_type: expected a list of alternatives; an empty one means public"),
        ("[[]]", "wrong_type: expected a table: scopes, by security scheme"),
        ("[{oidcc: []}]", "no security scheme `oidcc` in `components`: did you mean `oidc`?"),
        ("[{oidc: read}]", "wrong_type: expected a list of scopes, which may be empty"),
        ("[{oidc: [[a]]}]", "wrong_type: expected a list of scopes"),
        ("[{oidc: [a b]}]", "bad_value: `a b` is not a scope: no spaces, quotes or backslashes"),
        (f"[{', '.join(['{jwt: []}'] * 1001)}]", "too_large: more than 1000 scopes in one rule"),
    ],
)
def test_a_rule_that_cannot_be_read_is_a_fault(rule: str, fault: str) -> None:
    (only,) = faults_of(text(rule))

    assert fault in only


def test_a_type_that_nobody_knows_is_a_fault() -> None:
    (fault,) = faults_of(text("[]", "    a: {type: oauth}\n"))

    assert "bad_value: `oauth` is no type of a security scheme: did you mean `oauth2`?" in fault
