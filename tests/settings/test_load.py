import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.load import Loaded, Rejected, UnreadableError, load_settings
from gateway.settings.text.fault import Severity
from gateway.settings.values.configuration import (
    AccessLogTarget,
    Address,
    HalfClose,
    Listen,
    SourceKind,
    UnderscoreNames,
)
from tests.settings.configs import (
    SECRET,
    assert_found,
    config,
    faults,
    load,
    marked,
    one_route,
    one_upstream,
    outcome_of,
    require,
)

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("duplicate_value", config("listen: 127.0.0.1:9901\nadmin: ¦127.0.0.1:9901\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_between_parts_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


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
    assert SECRET[:20] not in " ".join(shown)  # nor its beginning


@pytest.mark.parametrize("word", ["stdout", "stderr", "none"])
def test_where_the_access_log_goes_is_written_without_quotes(word: str, tmp_path: Path) -> None:
    assert load(tmp_path, config(f"access_log: {word}\n")).access_log is AccessLogTarget(word)


def test_a_rejected_configuration_has_the_digest_of_what_was_read(tmp_path: Path) -> None:
    good, first, second = config(), config("drain: soon\n"), config("drain: later\n")

    outcomes = [outcome_of(tmp_path, text) for text in (first, second, first, "a: [")]

    assert all(isinstance(outcome, Rejected) for outcome in outcomes)
    digests = [outcome.digest for outcome in outcomes if isinstance(outcome, Rejected)]
    assert digests[0] == digests[2]
    assert len({*digests, load(tmp_path, good).digest}) == 4


def test_the_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    assert settings.listen == (Listen(Address("0.0.0.0", 8080), None),)
    assert settings.admin is not None
    assert settings.admin.address == Address("127.0.0.1", 9901)
    assert settings.workers == 1
    timeouts, limits = settings.timeouts, settings.limits
    assert (timeouts.head_seconds, timeouts.idle_seconds) == (10, 60)
    assert (timeouts.body_seconds, timeouts.tunnel_seconds) == (30, 3600)
    assert (timeouts.total_seconds, timeouts.token_grace_seconds) == (3600, 0)
    assert (limits.head_bytes, limits.head_fields, limits.target_bytes) == (32768, 80, 8192)
    assert (limits.body_bytes, limits.connections) == (None, 10_000)
    assert settings.policy.max_token_bytes == 8192
    assert settings.drain_seconds == 30
    assert settings.trusted_proxies == ()
    assert settings.half_close is HalfClose.CANCEL
    assert settings.http2
    assert settings.underscore_names is UnderscoreNames.DROP
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
resources resource authorization_servers documentation acr max_age
"""
_KEYS = st.sampled_from(_WORDS.split())
_PLAIN = st.sampled_from(
    ["true", "1", "1.5", "on", "~", "a", "/a/{x}", "'{path.x}'", "https://a", "30s", "SECRET",
     "'${SECRET}'", "'${'", "unchecked", "GET", "[]", "{}", "x/*", "'*.a'", "'[::1]:1'", "90m",
     "https://a/b"]
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
