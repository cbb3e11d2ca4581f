"""Routes that can never match are found; that no other route is, the routing table itself says."""

from pathlib import Path

import pytest

from tests.assertion.callers import signing_pem
from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

ALL = "all, match: {path_prefix: /a/}, require: {}"
MARKED = f"all, ¦{ALL.removeprefix('all, ')}"


def below(prefix: str = "/a/", hosts: str = "") -> tuple[str, ...]:
    """Return routes that own all below *prefix*: itself, each segment, and what is deeper."""
    return tuple(
        f"{name}, match: {{{key}: '{prefix}{rest}'{hosts}}}, require: {{}}"
        for name, key, rest in (
            ("index", "path", ""),
            ("one", "path", "{x}"),
            ("deep", "path_prefix", "{x}/"),
        )
    )


INDEX, ONE, DEEP = below()
HOSTS = ", hosts: [a.example, '*.b.example']"
UNREACHABLE = [
    routes(MARKED, *below()),
    routes("all, ¦match: {path_prefix: /a/, methods: [POST]}, require: {}", *below()),
    routes("all, ¦match: {path_prefix: '/{v}/'}, require: {}", *below("/{v}/")),
    routes(MARKED, INDEX, ONE, *(f"x-{one}" for one in below("/a/{y}/"))),
    routes(
        "get, ¦match: {path_prefix: /a/, methods: [GET]}, require: {}",
        "put, ¦match: {path_prefix: /a/, methods: [PUT]}, require: {}",
        *below(),
    ),
    routes(f"all, ¦match: {{path_prefix: /a/{HOSTS}}}, require: {{}}", *below(hosts=HOSTS)),
]
REACHABLE = [
    routes(ALL, ONE, DEEP),
    routes(ALL, INDEX, DEEP),
    routes(ALL, INDEX, ONE),
    routes(ALL, INDEX, ONE, DEEP.replace("{x}", "b")),
    routes("all, match: {path_prefix: /a/, hosts: [a.example]}, require: {}", *below()),
    routes(
        f"all, match: {{path_prefix: /a/{HOSTS}}}, require: {{}}",
        *below(hosts=", hosts: [a.example]"),
    ),
    routes(
        "one, match: {path: '/{x}'}, require: {}",
        "two, match: {path: '/{x}/{y}'}, require: {}",
        "all, match: {path_prefix: /}, require: {}",
    ),
]


@pytest.mark.parametrize("text", UNREACHABLE)
def test_a_prefix_is_unreachable_where_others_own_each_path_below_it(
    text: str, tmp_path: Path
) -> None:
    """A route with several hosts is, where that is so on each of them."""
    assert_warned(tmp_path, "route_unreachable", config(routes=text))


@pytest.mark.parametrize("text", REACHABLE)
def test_a_route_that_owns_some_path_is_reachable(text: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, config(routes=text)) == ()


RESOURCE = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: ["https://a.example/o"]}
resources:
  o: {resource: "https://a.example/o"}
"""
METADATA = "/.well-known/oauth-protected-resource/o"


@pytest.mark.parametrize(
    ("match", "is_answered"),
    [
        (f"{{hosts: [a.example], path: {METADATA}}}", True),
        (f"{{hosts: [a.example, b.example], path: {METADATA}}}", False),
        (f"{{path: {METADATA}}}", False),
        (f"{{hosts: [a.example], path: '{METADATA[:-1]}{{x}}'}}", False),
        (f"{{hosts: [a.example], path_prefix: {METADATA}/}}", False),
    ],
)
def test_where_metadata_are_published_no_route_matches(
    match: str, is_answered: bool, tmp_path: Path
) -> None:
    text = routes("o, match: {path: /o}, require: {}", f"m, match: {match}, public: true")

    found = warnings(tmp_path, config(issuers=RESOURCE, routes=text))

    assert [fault.code.value for fault in found] == ["route_unreachable"] * is_answered


@pytest.mark.parametrize(
    ("match", "is_answered"),
    [
        ("{path: /.well-known/jwks.json}", True),
        ("{hosts: [a.example], path: /.well-known/jwks.json}", True),
        ("{path: '/.well-known/{x}'}", False),
        ("{path_prefix: /.well-known/}", False),
    ],
)
def test_where_the_keys_of_assertions_are_published_no_route_matches(
    match: str, is_answered: bool, tmp_path: Path
) -> None:
    """On every host, whatever the route names."""
    (tmp_path / "signing.pem").write_bytes(signing_pem("ES256"))
    text = routes("o, match: {path: /o}, require: {}", f"m, match: {match}, public: true")
    identity = 'identity: {assertion: {issuer: "https://g.example/", keys: [signing.pem]}}\n'

    found = warnings(tmp_path, config(identity, routes=text))

    assert [fault.code.value for fault in found] == ["route_unreachable"] * is_answered
