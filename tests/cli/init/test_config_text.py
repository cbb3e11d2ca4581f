"""The text of a configuration means what was planned."""

import pytest

from gateway.cli.init.config_text import Draft, silence
from gateway.cli.init.drafted import load_draft
from gateway.cli.init.issuer_entry import IssuerEntry
from gateway.cli.init.planned_routes import Plan, PlannedRoute
from gateway.openapi.api import Access, Security
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Code, Fault, Place, Severity

ISSUER = IssuerEntry(
    ("  main:", "    issuer: https://a.example", "    discovery: true", "    audiences: [x]"), ()
)


def loaded(security: Security, name: str = "r", comments: tuple[str, ...] = ()) -> Loaded:
    route = PlannedRoute(name, "/a/{b}", False, ("GET",), security, comments)
    text = Draft("a", ISSUER, "http://127.0.0.1:1", Plan((route,), ("remark",))).format()
    found = load_draft(text)
    assert isinstance(found, Loaded), (found.faults, text)
    return found


def token(*alternatives: set[str], is_optional: bool = False) -> Security:
    return Security(Access.TOKEN, tuple(map(frozenset, alternatives)), is_optional)


@pytest.mark.parametrize(
    ("security", "holds", "fails"),
    [
        (token({"a"}), [{"a"}], [set(), {"b"}]),
        (token({"a", "b"}), [{"a", "b"}], [{"a"}, {"b"}]),
        (token({"a"}, {"b", "c"}), [{"a"}, {"b", "c"}], [{"b"}, {"c"}, set()]),
    ],
)
def test_the_rule_of_a_route_is_that_of_the_plan(
    security: Security, holds: list[set[str]], fails: list[set[str]]
) -> None:
    (route,) = loaded(security).settings.policy.routes.routes

    assert route.scopes is not None
    assert all(route.scopes.holds(frozenset(one)) for one in holds)
    assert not any(route.scopes.holds(frozenset(one)) for one in fails)


def test_any_token_optional_and_public() -> None:
    any_token, optional, public, unsaid = (
        loaded(security).settings.policy.routes.routes[0]
        for security in (
            token(set()),
            token(set(), is_optional=True),
            Security(Access.PUBLIC),
            Security(Access.UNSAID),
        )
    )

    assert any_token.scopes is unsaid.scopes is None
    assert [one.optional for one in (any_token, optional, public)] == [False, True, False]
    assert [one.public for one in (any_token, optional, public, unsaid)] == [
        False,
        False,
        True,
        False,
    ]


def test_comments_of_strangers_write_no_line_of_their_own() -> None:
    found = loaded(Security(Access.UNSAID), "on", ("a\n    public: true",))

    (route,) = found.settings.policy.routes.routes
    assert (route.name, route.public) == ("on", False)


def warning(code: Code, line: int) -> Fault:
    return Fault(Place("gateway.yaml", line, 1), code, "", Severity.WARNING)


def test_only_what_the_description_decides_is_silenced_above_its_line() -> None:
    text = silence(
        "a:\n  - b\n  - c\n",
        [
            warning(Code.SCOPE_SUSPECT, 3),
            warning(Code.UNUSED_ISSUER, 1),
            warning(Code.INSECURE_UPSTREAM, 2),
        ],
        "api.yaml has it so",
    )

    assert text.split("\n") == [
        "# gateway: allow unused_issuer because api.yaml has it so",
        "a:",
        "  - b",
        "  # gateway: allow scope_suspect because api.yaml has it so",
        "  - c",
        "",
    ]


@pytest.mark.parametrize("scopes", [set(), {"refused"}, {"refused", "other"}])
def test_a_route_that_refuses_all_lets_no_token_pass(scopes: set[str]) -> None:
    (route,) = loaded(Security(Access.UNCOVERED)).settings.policy.routes.routes

    assert not route.public
    assert not route.optional
    assert route.scopes is not None
    assert not route.scopes.holds(frozenset(scopes))
