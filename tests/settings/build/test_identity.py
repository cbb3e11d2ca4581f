from pathlib import Path

import pytest

from gateway.decision.identity import canonical_alias
from gateway.decision.rules.claim_sources import FirstOf, Template
from tests.settings.configs import assert_found, config, faults, load


def test_the_default_headers_carry_the_default_claims(tmp_path: Path) -> None:
    identity = load(tmp_path, config()).policy.identity

    assert identity.headers == (
        (b"X-Gateway-Subject", ("sub",)),
        (b"X-Gateway-Issuer", ("iss",)),
        (b"X-Gateway-Client", ("client_id",)),
        (b"X-Gateway-Scopes", ("scope",)),
        (b"X-Gateway-Token-Id", ("jti",)),
    )
    assert identity.forward_token is False


def test_claims_of_headers_may_be_nested_and_quoted(tmp_path: Path) -> None:
    text = "identity:\n  headers:\n    X-A: a.b\n    X-B: '[\"c.d\"]'\n  forward_token: true\n"

    identity = load(tmp_path, config(text)).policy.identity

    assert identity.headers == ((b"X-A", ("a", "b")), (b"X-B", ("c.d",)))
    assert identity.forward_token is True


def test_no_two_default_headers_are_aliases(tmp_path: Path) -> None:
    """CVE-2025-64484."""
    headers = load(tmp_path, config()).policy.identity.headers

    assert len({canonical_alias(name) for name, _ in headers}) == len(headers)


def test_headers_may_have_alternatives_and_templates(tmp_path: Path) -> None:
    text = "identity:\n  headers:\n    X-Client: client_id | azp\n    X-User: '{tid}/{oid | sub}'\n"

    identity = load(tmp_path, config(text)).policy.identity

    assert identity.headers == (
        (b"X-Client", FirstOf((("client_id",), ("azp",)))),
        (b"X-User", Template(("", "/", ""), ((("tid",),), (("oid",), ("sub",))))),
    )


def test_a_mapping_the_wrong_way_round_is_refused_with_the_line_to_write(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, config("identity: {headers: {sub: X-User}}\n"))

    assert fault.message == "the header comes first: write `X-User: sub`"


@pytest.mark.parametrize(
    ("headers", "meant"),
    [
        ("org: X-Org", "X-Org: org"),
        ("realm_access.roles: x-roles", "x-roles: realm_access.roles"),
        ("'https://a.example/org': X-Org", r'X-Org: "[\"https://a.example/org\"]"'),
    ],
)
def test_a_header_that_begins_like_one_is_no_claim(
    headers: str, meant: str, tmp_path: Path
) -> None:
    (fault,) = faults(tmp_path, config(f"identity: {{headers: {{{headers}}}}}\n"))

    assert fault.message == f"the header comes first: write `{meant}`"
    load(tmp_path, config(f"identity: {{headers: {{{meant}}}}}\n"))


@pytest.mark.parametrize("text", ["{X-Sub: sub}", "{name: tenant}", "{X-A: x-hasura-user-id}"])
def test_a_mapping_the_right_way_round_is_not(text: str, tmp_path: Path) -> None:
    load(tmp_path, config(f"identity: {{headers: {text}}}\n"))


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", config("identity: {headers: {X-User: sub, ¦x_user: iss}}\n")),
    ("bad_value", config("identity: {headers: {¦Host: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦Content_Length: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦HTTP_HOST: sub}}\n")),
    ("bad_value", config("identity: {headers: {X-User: sub, ¦HTTP_X_USER: iss}}\n")),
    ("bad_value", config("identity: {headers: {¦connection: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦Authorization: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦X User: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦X-Usér: sub}}\n")),
    ("bad_value", config("identity: {headers: {X-User: ¦a..b}}\n")),
    ("bad_value", config("identity: {headers: {X-A: ¦''}}\n")),
    ("bad_value", config("identity: {headers: {X-A: ¦azp|cid}}\n")),
    ("bad_value", config("identity: {headers: {X-A: '¦{a}{b}'}}\n".replace("'¦", "¦'"))),
    ("bad_value", config("identity: {headers: {X-A: ¦'{sub}'}}\n")),
    ("bad_value", config("identity: {headers: {¦sub: X-User}}\n")),
    ("bad_value", config("identity: {headers: {¦client_id: X-Gateway-Client, X-B: sub}}\n")),
    ("wrong_type", config("identity: {headers: {X-A: ¦false}}\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_identity_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
