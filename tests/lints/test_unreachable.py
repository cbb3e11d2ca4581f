"""Routes that can never match are found; that no other route is, the routing table itself says."""

from pathlib import Path

import pytest

from gateway.suites.simulation.sandbox import Sandbox, Sent
from tests.assertion.callers import signing_pem
from tests.lints.warned import assert_warned, doubts, loaded, routes, warnings
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


def of_methods(methods: str) -> str:
    return config(routes=routes(f"a, match: {{path: /a, methods: [{methods}]}}, require: {{}}"))


@pytest.mark.parametrize(
    ("method", "meant"),
    [
        ("GTE", ": did you mean `GET`?"),
        ("POTS", ": did you mean `POST`?"),
        ("DELET", ": did you mean `DELETE`?"),
        ("PACTH", ": did you mean `PATCH`?"),
        ("OPTION", ": did you mean `OPTIONS`?"),
        ("GET|POST", "; write `methods: [GET, POST]`"),
        ("ANY", "; for every method, leave the list out"),
        ("LIST", ""),
    ],
)
def test_a_method_that_no_request_has_is_found_with_the_one_that_is_meant(
    method: str, meant: str, tmp_path: Path
) -> None:
    assert_warned(tmp_path, "method_unknown", of_methods(f"HEAD, ¦{method}"))
    [fault] = warnings(tmp_path, of_methods(f"HEAD, {method}"))
    assert fault.message == f"no request has the method `{method}`: the gateway rejects it{meant}"


METHODS = [
    *("ACL", "BIND", "CHECKOUT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "M-SEARCH"),
    *("MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "OPTIONS", "PATCH"),
    *("POST", "PROPFIND", "PROPPATCH", "PURGE", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH"),
    *("SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE", "BAN", "CHECKIN"),
    *("FETCH", "FLUSH", "LABEL", "LIST", "MKWORKSPACE", "PLAY", "ORDERPATCH", "PRI", "SETUP"),
    *("UNCHECKOUT", "UPDATE", "VERSION-CONTROL"),
]


@pytest.mark.parametrize("method", METHODS)
def test_exactly_the_methods_that_reach_a_route_are_known(method: str, tmp_path: Path) -> None:
    """As the gateway itself reads a request, whatever its parser knows in its next version."""
    text = of_methods(method).replace("require: {}", "public: true")
    sandbox = Sandbox(loaded(tmp_path, text).settings, 0.0)

    decided = sandbox.decide(f"{method} /a HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())

    found = {fault.code.value for fault in warnings(tmp_path, text)}
    assert ("method_unknown" in found) is not isinstance(decided, Sent)


def test_a_method_of_defaults_is_found_once(tmp_path: Path) -> None:
    two = routes("a, match: {path: /a}, require: {}", "b, match: {path: /b}, require: {}")
    text = config("defaults: {match: {methods: [GET, ¦PSOT]}}\n", routes=two)

    assert_warned(tmp_path, "method_unknown", text)


def test_a_method_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    [fault] = doubts(tmp_path, of_methods("'${METHOD}'"), {"METHOD": "SECRETIVE"}).warnings

    assert "`…`" in fault.message
