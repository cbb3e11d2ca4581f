import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routing import Match
from gateway.settings.fault import Severity
from gateway.settings.load import Loaded, Rejected, UnreadableError, load_settings
from gateway.settings.values import AccessLogTarget, Address, SourceKind
from tests.settings.configs import (
    ENVIRON,
    SECRET,
    config,
    faults,
    load,
    marked,
    one_issuer,
    one_route,
    one_upstream,
    outcome_of,
    require,
)

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    # YAML
    ("not_yaml", "version: 1\nroutes: [\n¦"),
    ("not_yaml", "version: 1\n  x¦: 2\n"),
    ("wrong_type", "¦"),
    ("wrong_type", "¦[1, 2]\n"),
    ("wrong_type", "¦just some text\n"),
    ("yaml_surprise", config("admin: ¦off\n")),
    ("yaml_surprise", config("drain: ¦12:30\n")),
    ("yaml_surprise", config("limits: {fields: ¦010}\n")),
    ("yaml_surprise", config("limits: {fields: ¦1_000}\n")),
    ("yaml_surprise", require("{claims: {born: {equals: ¦2026-01-01}}}")),
    ("yaml_surprise", require("{claims: {a: {equals: ¦no}}}")),
    ("yaml_surprise", require("{claims: {a: {at_least: ¦.inf}}}")),
    ("yaml_surprise", config("drain: ¦&d 30s\n")),
    ("yaml_surprise", config("drain: ¦!!str 30s\n")),
    ("yaml_surprise", config("¦---\na: 1\n")),
    ("duplicate_key", config("drain: 1s\n¦drain: 2s\n")),
    ("duplicate_key", one_upstream('{servers: ["http://a"], ¦servers: ["http://b"]}')),
    ("wrong_type", config("drain:¦ \n")),
    ("wrong_type", config("drain: ¦~\n")),
    ("wrong_type", config("timeouts: {¦1: 30s}\n")),
    ("bad_value", config("timeouts: {head: ¦1}\n")),
    ("unset_variable", config("drain: ¦${NOT_SET}\n")),
    ("bad_value", config("drain: ¦'${NOT CLOSED'\n")),
    ("bad_value", config('drain: ¦"a\\nb"\n')),
    # shape
    ("unknown_key", config("¦listn: 0.0.0.0:80\n")),
    ("unknown_key", config("limits: {¦boddy: 1MiB}\n")),
    ("unknown_key", one_issuer('{issuer: "https://a", discovery: true, audiences: [a], ¦x: 1}')),
    ("unknown_key", require("{scopes: {any: [a, {¦al: [b]}]}}")),
    ("missing_key", "¦" + config(version="")),
    ("missing_key", "¦" + config(routes="")),
    ("not_supported", config(version="version: ¦2\n")),
    ("wrong_type", config(version="version: ¦true\n")),
    ("wrong_type", config(version="version: ¦'1'\n")),
    ("wrong_type", config(version="version: ¦1.0\n")),
    ("wrong_type", config("identity: ¦[a]\n")),
    ("wrong_type", config("identity: {forward_token: ¦1}\n")),
    ("wrong_type", config("access_log: ¦1\n")),
    ("bad_value", config("access_log: ¦stdin\n")),
    ("bad_value", config("drain: ¦30\n")),
    ("bad_value", config("drain: ¦30 s\n")),
    ("bad_value", config("timeouts: {head: ¦0s}\n")),
    ("bad_value", config("limits: {body: ¦10MB}\n")),
    ("bad_value", config("limits: {head: ¦0KiB}\n")),
    ("bad_value", config("limits: {connections: ¦0}\n")),
    ("not_supported", config("workers: ¦2\n")),
    ("bad_value", config("workers: ¦many\n")),
    ("bad_value", config("workers: ¦0\n")),
    ("empty_list", config("trusted_proxies: ¦[]\n")),
    ("empty_list", config("include: ¦[]\n")),
    ("empty_list", config(routes="routes: ¦[]\n")),
    # listeners
    ("bad_value", config("listen: ¦localhost\n")),
    ("bad_value", config("listen: ¦0.0.0.0:65536\n")),
    ("bad_value", config("admin: ¦true\n")),
    ("bad_value", config("admin: {address: ¦nowhere}\n")),
    ("unset_variable", config("admin: {token_env: ¦NOT_SET}\n")),
    ("duplicate_value", config("listen: 127.0.0.1:1\nadmin: ¦127.0.0.1:1\n")),
    ("missing_file", config("listen: {address: a:1, tls: {certificate: ¦no.pem, key: ¦no.pem}}\n")),
    ("bad_value", config("trusted_proxies: [¦10.0.0.1/8]\n")),
    ("bad_value", config("trusted_proxies: [¦example.com]\n")),
    # issuers
    ("bad_value", one_issuer('{issuer: "https://a", discovery: ¦false, audiences: [a]}')),
    ("missing_key", config(issuers='issuers:\n  ¦main: {issuer: "https://a", audiences: [a]}\n')),
    ("missing_key", config(issuers='issuers:\n  ¦main: {issuer: "https://a", discovery: true}\n')),
    (
        "conflicting_keys",
        one_issuer(
            '{issuer: "https://a", discovery: true, ¦jwks_url: "https://a", audiences: [a]}'
        ),
    ),
    ("empty_list", one_issuer('{issuer: "https://a", discovery: true, audiences: ¦[]}')),
    ("wrong_type", one_issuer('{issuer: "https://a", discovery: true, audiences: ¦a}')),
    ("insecure_url", one_issuer('{issuer: ¦"http://a.example", discovery: true, audiences: [a]}')),
    (
        "insecure_url",
        one_issuer('{issuer: "https://a", jwks_url: ¦"http://a.example/k", audiences: [a]}'),
    ),
    ("missing_file", one_issuer("{issuer: a, jwks_file: ¦nope.json, audiences: [a]}")),
    ("missing_file", one_issuer("{issuer: a, pem_file: ¦nope.pem, audiences: [a]}")),
    (
        "bad_value",
        one_issuer('{issuer: "https://a", discovery: true, audiences: [a], algorithms: [¦none]}'),
    ),
    (
        "bad_value",
        one_issuer('{issuer: "https://a", discovery: true, audiences: [a], algorithms: [¦HS256]}'),
    ),
    (
        "duplicate_value",
        one_issuer(
            '{issuer: "https://a", discovery: true, audiences: [a], algorithms: [RS256, ¦RS256]}'
        ),
    ),
    (
        "bad_value",
        one_issuer("{issuer: a, secret_env: SECRET, audiences: [a], algorithms: [¦RS256]}"),
    ),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦SHORT, audiences: [a]}")),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦PEM, audiences: [a]}")),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦SSH, audiences: [a]}")),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦DULL, audiences: [a]}")),
    ("unset_variable", one_issuer("{issuer: a, secret_env: ¦NOT_SET, audiences: [a]}")),
    ("bad_value", one_issuer("{issuer: a, secret_env: SECRET, audiences: [a], leeway: ¦301s}")),
    (
        "bad_value",
        one_issuer('{issuer: "https://a", discovery: true, audiences: [a], keys: {fresh: ¦soon}}'),
    ),
    (
        "duplicate_issuer",
        config(
            issuers='issuers:\n  a: {issuer: "https://a", discovery: true, audiences: [a]}\n'
            '  b: {issuer: ¦"https://a", discovery: true, audiences: [b]}\n'
        ),
    ),
    (
        "bad_value",
        config(issuers='issuers:\n  ¦"a b": {issuer: a, secret_env: SECRET, audiences: [a]}\n'),
    ),
    ("bad_value", one_issuer('{issuer: ¦"https://a/?b", discovery: true, audiences: [a]}')),
    ("wrong_type missing_key", config(issuers="issuers: ¦[a]\n").replace("require", "¦require")),
    # upstreams
    ("bad_value", one_upstream('{servers: [¦"ftp://a"]}')),
    ("bad_value", one_upstream('{servers: [¦"http://a/path"]}')),
    ("bad_value", one_upstream('{servers: [¦"http://a:0"]}')),
    ("bad_value", one_upstream('{servers: [¦"http://user@a"]}')),
    ("duplicate_value", one_upstream('{servers: ["http://a", ¦"http://a"]}')),
    ("empty_list", one_upstream("{servers: ¦[]}")),
    ("wrong_type", one_upstream('{servers: ¦"http://a"}')),
    # identity
    ("bad_value", config("identity: {headers: {X-User: sub, ¦x_user: iss}}\n")),
    ("bad_value", config("identity: {headers: {¦Host: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦Content_Length: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦connection: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦Authorization: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦X User: sub}}\n")),
    ("bad_value", config("identity: {headers: {¦X-Usér: sub}}\n")),
    ("bad_value", config("identity: {headers: {X-User: ¦a..b}}\n")),
    # scopes
    ("scope_cycle", config("scope_implies: {¦a: [b], ¦b: [a]}\n")),
    ("scope_cycle", config("scope_implies: {¦a: [a]}\n")),
    ("bad_value", config("scope_implies: {a: [¦'b c']}\n")),
    ("bad_value", config("scope_implies: {¦'a b': [c]}\n")),
    ("empty_list", config("scope_implies: {a: ¦[]}\n")),
    ("bad_value", config("listen: ¦'[1.2]:80'\n")),
    ("bad_value", config("identity: {headers: {X-A: ¦''}}\n")),
    ("yaml_surprise", config("? ¦[a]\n: b\n")),
    ("unset_variable", config("admin: {address: 127.0.0.1:0, token_env: ¦NOT_SET}\n")),
    # routes
    ("missing_key", one_route("    ¦match: {}\n    public: true\n")),
    ("conflicting_keys", one_route("    match: {path: /a, ¦path_prefix: /a/}\n    public: true\n")),
    ("missing_key", one_route("    match: {path: /a}\n").replace("- name", "- ¦name")),
    (
        "conflicting_keys",
        one_route("    match: {path: /a}\n    public: true\n    ¦require: {}\n"),
    ),
    ("bad_value", one_route("    match: {path: /a}\n    public: ¦false\n")),
    ("wrong_type", one_route("    match: {path: /a}\n    public: ¦1\n")),
    ("wrong_type", one_route("    match: {path: /a}\n    require:¦ \n")),
    ("bad_value", one_route("    match: {path: ¦a}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: ¦/a/../b}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: ¦'/{a}/{a}'}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: ¦'/a{b}'}\n    public: true\n")),
    ("bad_value", one_route("    match: {path_prefix: ¦/a}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦A.example]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦a.example:80]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦a.*.b]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, hosts: [¦a/b]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, methods: [¦get]}\n    public: true\n")),
    ("not_supported", one_route("    match: {path: /a, methods: [¦TRACE]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, methods: [¦'G T']}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a}\n    public: true\n    upgrades: [¦'a b']\n")),
    ("wrong_type", config(routes="routes: ¦{}\n")),
    ("wrong_type", config(routes="routes: [¦a]\n")),
    ("empty_list", one_route("    match: {path: /a, methods: ¦[]}\n    public: true\n")),
    ("not_supported", one_route("    match: {path: /a}\n    public: true\n    upgrades: [¦h2c]\n")),
    (
        "unused_upstream unknown_reference",
        config(
            upstreams='upstreams:\n  ¦orders: {servers: ["http://a"]}\n',
            routes="routes:\n  - {name: a, match: {path: /a}, upstream: ¦ordrs, require: {}}\n",
        ),
    ),
    ("unused_issuer unknown_reference", require("{issuers: [¦mian]}").replace("  main", "  ¦main")),
    ("empty_list", require("{issuers: ¦[]}")),
    ("empty_list", require("{scopes: ¦[]}")),
    ("empty_list", require("{scopes: {any: ¦[]}}")),
    ("bad_value", require("{scopes: [¦'a b']}")),
    ("missing_key", require("{scopes: ¦{}}")),
    ("conflicting_keys", require("{scopes: {all: [a], ¦any: [b]}}")),
    ("empty_list", require("{claims: ¦{}}")),
    ("missing_key", require("{claims: {¦a: {}}}")),
    ("bad_value", require("{claims: {¦a..b: {exists: true}}}")),
    ("wrong_type", require("{claims: {a: {equals: ¦[a]}}}")),
    ("wrong_type", require("{claims: {a: {at_least: ¦true}}}")),
    ("empty_list", require("{claims: {a: {in: ¦[]}}}")),
    ("unknown_reference", require("{claims: {a: {equals: ¦'{path.y}'}}}")),
    ("bad_value", require("{claims: {a: {equals: ¦'{pth.x}'}}}")),
    ("missing_key", config(issuers="").replace("require", "¦require")),
    (
        "route_conflict",
        config(
            routes="routes:\n"
            "  - {name: a, match: {path: '/{x}'}, upstream: orders, require: {}}\n"
            "  - {name: b, ¦match: {path: '/{y}'}, upstream: orders, require: {}}\n"
        ),
    ),
    (
        "duplicate_name",
        config(
            routes="routes:\n"
            "  - {name: a, match: {path: /a}, upstream: orders, require: {}}\n"
            "  - {name: ¦a, match: {path: /b}, upstream: orders, require: {}}\n"
        ),
    ),
    # warnings
    ("audience_unchecked", one_issuer("{issuer: a, secret_env: SECRET, audiences: ¦unchecked}")),
    ("insecure_url", one_issuer('{issuer: ¦"http://localhost", discovery: true, audiences: [a]}')),
    ("insecure_url", one_issuer('{issuer: ¦"http://a", secret_env: SECRET, audiences: [a]}')),
    ("admin_exposed", config("admin: ¦0.0.0.0:9901\n")),
    ("trusts_everyone", config("trusted_proxies: [¦0.0.0.0/0]\n")),
    ("unmatched_include", config("include: [¦teams/*.yaml]\n")),
    ("missing_file", config("include: [¦team.yaml]\n")),
    (
        "unused_issuer",
        config(
            issuers='issuers:\n  ¦main: {issuer: "https://a", discovery: true, audiences: [a]}\n',
            routes="routes:\n  - {name: a, match: {path: /a}, upstream: orders, public: true}\n",
        ),
    ),
    ("unused_upstream", one_upstream('{servers: ["http://a"]}\n  ¦spare: {servers: ["http://b"]}')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    """HOSTILE: an unknown key, a doubled key, `no`, an empty list of scopes never pass."""
    text, places = marked(text)
    expected = codes.split() if " " in codes else [codes] * len(places)

    found = faults(tmp_path, text)

    assert [(f.place.line, f.place.column, f.code.value) for f in found] == [
        (*place, code) for place, code in zip(places, expected, strict=True)
    ], [str(fault) for fault in found]


def test_all_faults_are_reported_at_once_and_in_order_of_place(tmp_path: Path) -> None:
    text, places = marked(
        "version: 1\n"
        "¦listn: 0.0.0.0:80\n"
        "admin: ¦on\n"
        "drain: ¦5 minutes\n"
        "issuers:\n"
        "  main: {issuer: ¦'http://a.example', discovery: true, audiences: [a],"
        " algorithms: [¦RS257]}\n"
        "upstreams:\n"
        "  orders: {servers: [¦'ftp://x'], ¦timeout: 1s}\n"
        "routes:\n"
        "  - name: a\n"
        "    match: {path: '/{x}', methods: [¦get], hosts: [¦A.example]}\n"
        "    upstream: ¦ordrs\n"
        "    require: {issuers: [¦mian], scopes: ¦[], claims: {a: {equals: ¦'{path.y}'}}}\n"
    )

    found = faults(tmp_path, text)

    assert [(f.place.line, f.place.column) for f in found] == places
    assert all(fault.severity is Severity.ERROR for fault in found)


def test_a_near_name_is_suggested(tmp_path: Path) -> None:
    text = config("listn: a:1\n").replace("upstream: orders", "upstream: Order")

    messages = " ".join(fault.message for fault in faults(tmp_path, text))

    assert "did you mean `listen`?" in messages
    assert "did you mean `orders`?" in messages


def test_a_value_from_the_environment_is_never_shown(tmp_path: Path) -> None:
    places = [
        config("drain: ${SECRET}\nlisten: ${SECRET}\naccess_log: ${SECRET}\n"),
        config("trusted_proxies: ['${SECRET}']\ninclude: ['${SECRET}']\n"),
        one_upstream("{servers: ['${SECRET}']}"),
        one_route("    match: {path: '${SECRET}', hosts: ['${SECRET}']}\n    public: true\n"),
        require("{issuers: ['${SECRET}'], claims: {a: {equals: '{${SECRET}}'}}}"),
        require("{claims: {a: {in: ['{${SECRET}}']}}}"),
    ]

    shown = [str(fault) for text in places for fault in faults(tmp_path, text)]

    assert len(shown) > len(places)
    assert SECRET not in " ".join(shown)


def test_a_loaded_secret_is_in_no_repr(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        one_issuer("{issuer: a, secret_env: SECRET, audiences: [a]}")
        + "admin: {token_env: TOKEN}\n",
    )

    assert settings.admin is not None
    assert settings.admin.token == ENVIRON["TOKEN"]
    assert settings.issuers["main"].source.secret == SECRET.encode()
    assert SECRET not in repr(settings)
    assert ENVIRON["TOKEN"] not in repr(settings)


def test_the_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    assert settings.listen.address == Address("0.0.0.0", 8080)
    assert settings.admin is not None
    assert settings.admin.address == Address("127.0.0.1", 9901)
    assert settings.workers == 1
    timeouts, limits = settings.timeouts, settings.limits
    assert (timeouts.head_seconds, timeouts.idle_seconds) == (10, 60)
    assert (timeouts.body_seconds, timeouts.tunnel_seconds) == (30, 3600)
    assert (limits.head_bytes, limits.head_fields, limits.target_bytes) == (32768, 100, 8192)
    assert (limits.body_bytes, limits.connections) == (None, 10_000)
    assert settings.policy.max_token_bytes == 8192
    assert settings.drain_seconds == 30
    assert settings.trusted_proxies == ()
    assert settings.access_log is AccessLogTarget.STDOUT
    issuer = settings.issuers["main"]
    assert issuer.source.kind is SourceKind.DISCOVERY
    assert issuer.issuer.algorithms == {"RS256", "ES256", "EdDSA"}
    assert issuer.issuer.leeway_seconds == 30
    assert (issuer.times.fresh_seconds, issuer.times.stale_seconds) == (300, 3600)
    upstream = settings.upstreams["orders"]
    assert upstream.connect_timeout_seconds == 2
    assert upstream.response_timeout_seconds == 30
    assert upstream.idle_timeout_seconds == 55


def test_issuers_stand_in_the_policy_by_their_iss(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    assert list(settings.policy.issuers) == ["https://login.example.com/"]
    assert list(settings.issuers) == ["main"]


def test_a_route_is_compiled_and_found(tmp_path: Path) -> None:
    text = require("{scopes: [a, {any: [b, c]}], claims: {tenant: {equals: '{path.x}'}}}")
    settings = load(tmp_path, text)

    match = settings.policy.routes.find("any.example", ("a", "blue"), "GET")

    assert isinstance(match, Match)
    route = match.route
    assert (route.name, route.upstream, route.public, route.optional) == (
        "a",
        "orders",
        False,
        False,
    )
    assert route.scopes is not None
    assert route.scopes.wanted == ("a", "b", "c")
    assert route.scopes.holds(frozenset("ab"))
    assert not route.scopes.holds(frozenset("bc"))
    assert route.claims[0].holds({"tenant": "blue"}, match.variables)
    assert not route.claims[0].holds({"tenant": "red"}, match.variables)
    assert route.place == f"{tmp_path / 'gateway.yaml'}:7"


def test_every_operator_of_a_claim_is_a_test_of_its_own(tmp_path: Path) -> None:
    claims = (
        "{a: {equals: 1, not_equals: 2, in: [1, 2], at_least: 0.5, exists: true},"
        ' b.c: {contains: x}, \'["d.e"]\': {matches: "f*"}}'
    )
    settings = load(tmp_path, require(f"{{claims: {claims}}}"))

    tests = settings.policy.routes.routes[0].claims

    assert [test.claim for test in tests] == ["a"] * 5 + ["b.c", '["d.e"]']
    good = {"a": 1, "b": {"c": ["x"]}, "d.e": "fg"}
    assert all(test.holds(good, {}) for test in tests)


def test_the_admin_port_can_be_turned_off(tmp_path: Path) -> None:
    assert load(tmp_path, config("admin: false\n")).admin is None


def test_workers_auto_is_one_process_for_now(tmp_path: Path) -> None:
    assert load(tmp_path, config("workers: auto\n")).workers == 1


def test_public_routes_alone_need_no_issuer(tmp_path: Path) -> None:
    routes = "routes:\n  - {name: a, match: {path: /a}, upstream: orders, public: true}\n"

    assert load(tmp_path, config(issuers="", routes=routes)).issuers == {}


def test_environment_variables_stand_inside_of_values(tmp_path: Path) -> None:
    settings = load(tmp_path, one_upstream('{servers: ["http://${HOST}:81"]}'))

    assert settings.upstreams["orders"].servers[0].authority == "10.0.0.9:81"


def test_a_file_that_cannot_be_read_is_told_apart_from_a_wrong_one(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path, Path("a\0b")):
        with pytest.raises(UnreadableError, match="cannot read"):
            load_settings(path, {})


def test_the_digest_follows_the_bytes(tmp_path: Path) -> None:
    first = load(tmp_path, config()).digest

    assert load(tmp_path, config()).digest == first
    assert load(tmp_path, config("# more\n")).digest != first


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 100_000,
        b"a: " + b"{a: " * 500,
        b"- " * 50_000,
        b"? " * 50_000,
        b"a: &a [x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n",
        b"x: " + b"9" * 100_000,
        b"x" * (10 * 1024 * 1024 + 1),
        b"\xff\xfea\x00",
        b"a: 1\x00",
        b'a: "\\ud800"',
        b"%YAML 9.9\n---\na: 1",
    ],
)
def test_a_hostile_file_is_refused_without_an_exception(bomb: bytes, tmp_path: Path) -> None:
    """Anchors that multiply, and brackets without end."""
    assert isinstance(outcome_of(tmp_path, bomb), Rejected)


@given(
    content=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace"))
)
def test_no_bytes_raise(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        assert isinstance(outcome_of(Path(directory), content), Rejected)


_WORDS = """
version listen admin include issuers upstreams routes identity scope_implies timeouts limits
name match path path_prefix hosts methods public require scopes all any none claims equals in
exists upstream servers issuer discovery jwks_url secret_env audiences algorithms keys headers
address tls workers trusted_proxies access_log upgrades main orders
"""
_KEYS = st.sampled_from(_WORDS.split())
_PLAIN = st.sampled_from(
    ["true", "1", "1.5", "on", "~", "a", "/a/{x}", "'{path.x}'", "https://a", "30s", "SECRET",
     "'${SECRET}'", "'${'", "unchecked", "GET", "[]", "{}", "x/*", "'*.a'", "'[::1]:1'"]
)  # fmt: skip
_TREES = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(_KEYS, inner), max_size=4).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"
        )
    ),
    max_leaves=20,
)


@given(items=st.lists(st.tuples(_KEYS, _TREES), max_size=8))
def test_no_arrangement_of_known_keys_raises(items: list[tuple[str, str]]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in items)
    with tempfile.TemporaryDirectory() as directory:
        assert isinstance(outcome_of(Path(directory), text), Loaded | Rejected)


def test_values_are_imported_without_pydantic_and_yaml() -> None:
    """Nothing of loading is left on the request path."""
    script = (
        "import sys, gateway.settings.values\n"
        "sys.exit(bool({'pydantic', 'yaml'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert done.returncode == 0
