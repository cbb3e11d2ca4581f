"""Paths with `%2F` or `;`: let through where a route allows them, and all read them alike."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.decision.decide import decide, find_route
from gateway.decision.head import RequestHead
from gateway.decision.path import parse_path
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match, NoMatch, Route
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.verdict import Allow, Deny, Publish
from tests.decision.policies import NOW, claims, head, issuer, policy, route
from tests.tokens import make_key, mint

SLASH = {"allow_encoded_slash": True}
SEMICOLON = {"allow_semicolon": True}
BOTH = SLASH | SEMICOLON


def odd_policy() -> Policy:
    return policy(
        route("/public/*", public=True, **BOTH),
        route("/public/guarded/*"),
        route("/slash/{name}", public=True, **SLASH),
        route("/semicolon/{name}", public=True, **SEMICOLON),
        route("/semicolon/{name}/parts", public=True, **SEMICOLON),
        route("/strict/*", public=True),
        route("/files/{owner}/{name}", public=True, **BOTH),
        route("/files/{owner}/{name}/log", **BOTH),
        route("/tree/{owner}/*", public=True, **BOTH),
        route("/tree/root/*"),
        route("/tree/{owner}/put", methods=frozenset({"PUT"})),
        route("/tree/*", name="host", hosts=("*.example.com",), **BOTH),
        route("/admin"),
    )


POLICY = odd_policy()


def find(request: RequestHead, policy: Policy) -> Match | Deny:
    """Return what ``find_route`` says under a policy that publishes nothing."""
    answer = find_route(request, policy)
    assert not isinstance(answer, Publish)
    return answer


def ask(path: bytes, host: str = "h", method: str = "GET") -> Match | Deny:
    return find(head(path, host=host, method=method), POLICY)


def owner(path: bytes, host: str = "h", method: str = "GET") -> str:
    """Return the name of the route that a path is let through to, or why it is refused."""
    match = ask(path, host, method)
    return match.route.name if isinstance(match, Match) else match.reason.code


@pytest.mark.parametrize(
    ("path", "name", "variables"),
    [
        (b"/public/a%2Fb", "/public/*", {}),
        (b"/public/a%2fb/c%2F", "/public/*", {}),
        (b"/public/a;v=1/b;w=%20;x", "/public/*", {}),
        (b"/public/a;v=1%2Fb", "/public/*", {}),
        (b"/public/a;..", "/public/*", {}),
        (b"/public/a..;b/...%2F.c", "/public/*", {}),
        (b"/public/100%25;a%2F", "/public/*", {}),
        (b"/public/;a", "/public/*", {}),
        (b"/slash/a%2Fb", "/slash/{name}", {"name": "a/b"}),
        (b"/slash/a%2fb%2F%C3%A9", "/slash/{name}", {"name": "a/b/\u00e9"}),
        (b"/semicolon/a;v=1", "/semicolon/{name}", {"name": "a;v=1"}),
        (b"/files/a/b%2Fc;d", "/files/{owner}/{name}", {"owner": "a", "name": "b/c;d"}),
    ],
)
def test_what_a_route_allows_is_a_part_of_the_segment(
    path: bytes, name: str, variables: dict[str, str]
) -> None:
    match = ask(path)

    assert isinstance(match, Match)
    assert (match.route.name, match.variables) == (name, variables)


@pytest.mark.parametrize(
    "path",
    [
        b"/slash/a;b",
        b"/slash/a%2Fb;c",
        b"/semicolon/a%2Fb",
        b"/semicolon/a;b%2fc",
        b"/strict/a%2Fb",
        b"/strict/a;b",
        b"/nowhere/a%2Fb",
        b"/public%2Fa",
        b"/admin;x=1",
        b"/admin%2F",
    ],
)
def test_what_the_route_does_not_allow_is_refused_as_ever(path: bytes) -> None:
    assert ask(path) == parse_path(path)


EMPTY = "the path has an empty segment"
DOTS = "the path has a dot segment"
STRUCTURE = "the path has an encoded separator or control character"
TWICE = "the path is encoded twice"
RAW = "the path has a character that must be percent-encoded"
ESCAPE = "the path has an invalid percent escape"
UTF8 = "the path is not UTF-8 when decoded"


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (b"/public/..;/admin", DOTS),
        (b"/public/..;x=1/admin", DOTS),
        (b"/public/..%2fadmin", DOTS),
        (b"/public%2f%2e%2e%2fadmin", DOTS),
        (b"/public/a%2F..", DOTS),
        (b"/public/a%2F.%2Fb", DOTS),
        (b"/public/%2E%2E;a", DOTS),
        (b"/public/a;b%2F..%2Fc", DOTS),
        (b"/public/a;b/../c", DOTS),
        (b"/;/admin", EMPTY),
        (b"/a/;/b", EMPTY),
        (b"/public/;x/b", EMPTY),
        (b"/public/%2Fb", EMPTY),
        (b"/public/a%2F/b", EMPTY),
        (b"/public/a%2f%2Fb", EMPTY),
        (b"/public/a%2F;/b", EMPTY),
        (b"/public//b;c", EMPTY),
        (b"/%2F", EMPTY),
        (b"/public/a;b%5Cc", STRUCTURE),
        (b"/public/a%2Fb%3Bc", STRUCTURE),
        (b"/public/a%2F%00", STRUCTURE),
        (b"/public/a;b%01c", STRUCTURE),
        (b"/public/a;b%02c", STRUCTURE),
        (b"/public/a%2F%3F", STRUCTURE),
        (b"/public/a;%252F", TWICE),
        (b"/public/a%2F%252e%252e", TWICE),
        (b"/public/a;b%25%32%46", TWICE),
        (b"/public/a;b\x01c", RAW),
        (b"/public/a%2Fb\x02", RAW),
        (b"/public/a;b\\c", RAW),
        (b"/public/a;\xc3\xa9", RAW),
        (b"/public/a;%2", ESCAPE),
        (b"/public/%%2F", ESCAPE),
        (b"/public/a%2F%C3;%A9", UTF8),
    ],
)
def test_all_else_is_as_strict_in_every_reading(path: bytes, detail: str) -> None:
    """CVE-2021-29492, CVE-2019-9901; Tomcat's `..;`."""
    assert ask(path) == Deny(Reason.PATH_REJECTED, detail)


@pytest.mark.parametrize(
    "path",
    [
        b"/public/guarded%2Fa",
        b"/public/guarded%2fa",
        b"/public/guarded;x/a",
        b"/public/guarded;x%2Fy/a",
        b"/public/guarded%2Fa;x",
        b"/semicolon/a;x/parts",  # cut off to the end it is the route without parts
        b"/files/a/b%2Flog",
        b"/files/a;/b%2Flog",
        b"/files/a/b%2Flog;x",
        b"/files/a/b;x%2fy%2Flog",  # of three spellings only one decoder comes to the log
        b"/tree/root;x/a",
        b"/tree/root%2Fa/b",
        b"/tree/me%2Fput",  # known under another method
        b"/tree/me/put;x",
        b"/files/a/b%2Flog/;x",
        b"/files/a/b%2Flog%2F",
    ],
)
def test_a_path_that_some_service_reads_as_another_routes_is_refused(path: bytes) -> None:
    assert owner(path) == "path_rejected"


@pytest.mark.parametrize(
    "path", [b"/files/a/b%2Fc", b"/files/a/b;x%2Flog%2fc", b"/tree/me/a%2Fb", b"/tree/me;/a"]
)
def test_a_reading_that_nobody_owns_or_the_route_itself_does_no_harm(path: bytes) -> None:
    assert isinstance(ask(path), Match)


def test_the_words_of_an_ambiguous_path_say_so() -> None:
    assert ask(b"/public/guarded%2Fa") == Deny(
        Reason.PATH_REJECTED, "some services read the path as that of another route"
    )


@pytest.mark.parametrize("path", [b"/admin%2F", b"/admin%2f;x", b"/admin/;x"])
def test_a_slash_that_is_left_at_the_end_leads_to_no_other_route(path: bytes) -> None:
    """Many services take `/admin/` for `/admin`, which the gateway itself does not let through."""
    pages = policy(
        route("/{page}", public=True, **BOTH),
        route("/{page}/{part}", public=True, **BOTH),
        route("/admin"),
    )

    refusal = find_route(head(path), pages)

    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.PATH_REJECTED


def test_readings_are_routed_by_the_host_of_the_request() -> None:
    assert owner(b"/tree/root%2Fa") == "path_rejected"
    assert owner(b"/tree/root%2Fa/b", "api.example.com") == "host"


def test_a_method_that_the_owner_does_not_know_is_not_told_of_an_odd_path() -> None:
    assert owner(b"/tree/me/a%2Fb", method="POST") == "/tree/{owner}/*"
    assert owner(b"/tree/me/put", method="POST") == "method_not_allowed"
    assert owner(b"/tree/me/put;x", method="PUT") == "path_rejected"


PRIVATE, KEYS = make_key("EdDSA")


def by_owner(*routes: Route, path: bytes, operator: str = "equals", **held: str) -> Reason | None:
    """Return why a token with claims *held* is refused on *path*, where {owner} is compared."""
    test = compile_claim_test(("owner",), operator, "{path.owner}")
    ruled = policy(
        route("/o/{owner}/*", claims=(test,), **BOTH),
        *routes,
        issuers=(issuer(algorithms=frozenset({"EdDSA"})),),
    )
    token = mint(PRIVATE, "EdDSA", claims(**held))
    reasons = set()
    for _ in range(2):  # the second time with all that is remembered
        verdict = decide(head(path, b"Bearer " + token), ruled, {"main": KEYS}, NOW)
        assert isinstance(verdict, Allow | Deny)
        reasons.add(None if isinstance(verdict, Allow) else verdict.reason)
    (reason,) = reasons
    return reason


@pytest.mark.parametrize(
    ("path", "held", "operator", "reason"),
    [
        (b"/o/alice/x;y%2Fz", "alice", "equals", None),
        (b"/o/alice%2Fx/y", "alice/x", "equals", Reason.CLAIM_RULE_FAILED),
        (b"/o/alice;x/y", "alice;x", "equals", Reason.CLAIM_RULE_FAILED),
        (b"/o/alice;x/y", "alice", "equals", Reason.CLAIM_RULE_FAILED),
        (b"/o/alice;x/y", "alice", "not_equals", Reason.CLAIM_RULE_FAILED),
        (b"/o/alice;x/y", "alice;x", "not_equals", Reason.CLAIM_RULE_FAILED),
        (b"/o/alice;x/y", "bob", "not_equals", None),
        (b"/o/bob/x;y", "alice", "equals", Reason.CLAIM_RULE_FAILED),
    ],
)
def test_a_rule_about_a_path_variable_holds_in_every_reading(
    path: bytes, held: str, operator: str, reason: Reason | None
) -> None:
    """Or a tenant called `alice/x` would come to what belongs to `alice`."""
    assert by_owner(path=path, operator=operator, owner=held) is reason


# --- laws

PIECES = st.sampled_from(
    [
        "/", "/", "/", "a", "b", ".", "..", "%2e", "%2F", "%2F", "%2f", "%2f", ";", ";", ";x=1",
        "%41", "%25", "%3B", "%5c", "%00", "%C3%A9", "%c3", "\x01", "\x02", "2F", "guarded", "log",
        "root", "put", "parts", "admin",
    ]
)  # fmt: skip
STARTS = st.sampled_from(
    ["/public/", "/slash/", "/semicolon/a", "/files/a/", "/files/a", "/tree/", "/tree/me/", "/"]
)
NAMES = st.sampled_from(["a", "b.", "..c", "%41", "guarded", "log", "root", "put", "parts", "me"])
WELL_MADE = st.lists(
    st.tuples(
        NAMES, st.sampled_from(["", "", ";", ";x=1", ";..", ";%2F"]), NAMES.map(str.upper)
    ).map(lambda parts: parts[0] + parts[1] + (parts[2] if parts[1] == ";%2F" else "")),
    min_size=1,
    max_size=4,
).flatmap(
    lambda names: st.lists(
        st.sampled_from(["/", "/", "%2F", "%2f"]), min_size=len(names), max_size=len(names)
    ).map(lambda joints: "".join(name + joint for name, joint in zip(names, joints, strict=True)))
)
PATHS = st.builds(
    lambda start, rest, end: (start + (rest if end else rest.rstrip("/Ff2%"))).encode(),
    STARTS,
    WELL_MADE | st.lists(PIECES, max_size=9).map("".join),
    st.booleans(),
)
METHODS = st.sampled_from(["GET", "GET", "PUT"])
HOSTS = st.sampled_from(["h", "h", "api.example.com"])

# What services are known to do, on text; each may come before or after the others.
DOINGS: list[Callable[[str], str]] = [
    lambda text: text.replace("%2F", "/").replace("%2f", "/"),
    lambda text: text.replace("%2F", "/"),
    lambda text: text.replace("%2f", "/"),
    lambda text: re.sub(";[^/]*", "", text),
    lambda text: text.split(";", 1)[0],
]


def service_readings(path: bytes) -> set[str]:
    """Return what services make of *path* before they look for its segments."""
    readings = set()
    for number in range(len(DOINGS) + 1):
        for doings in permutations(DOINGS, number):
            text = path.decode()
            for do in doings:
                text = do(text)
            readings.add(text)
    return readings


def segments_of(text: str) -> list[str]:
    return [unquote(part, errors="strict") for part in text[1:].split("/")]


@settings(max_examples=500)
@given(PATHS, HOSTS, METHODS)
@example(b"/public/..;/admin", "h", "GET")
@example(b"/files/a/b;x%2fy%2Flog", "h", "GET")
@example(b"/semicolon/a;x/parts", "h", "GET")
@example(b"/files/a/b%2flog", "h", "GET")
@example(b"/tree/me/put;x", "h", "GET")
@example(b"/tree/me/put/", "h", "GET")
def test_every_reading_of_an_allowed_path_is_the_same_routes_or_nobodys(
    path: bytes, host: str, method: str
) -> None:
    """And in none is a segment empty, but a last one, or a dot segment."""
    match = ask(path, host, method)
    if isinstance(match, Deny):
        return
    readings = service_readings(path)
    if b";" in path or b"%2f" in path.lower():
        # A slash that is left at the end; that of a plain path is its own affair.
        readings |= {reading.rstrip("/") or "/" for reading in readings}
    for reading in readings:
        segments = segments_of(reading)
        assert not {".", ".."} & {part for segment in segments for part in segment.split("/")}
        assert "" not in segments[:-1]
        found = POLICY.routes.find(host, segments, method)
        assert found == NoMatch(()) or (isinstance(found, Match) and found.route is match.route)


@settings(max_examples=300)
@given(PATHS, st.data())
def test_a_service_that_cuts_only_some_parameters_comes_to_no_other_route(
    path: bytes, data: st.DataObject
) -> None:
    """Python's urlparse cuts them off the last segment alone, Spring those called jsessionid."""
    match = ask(path)
    if isinstance(match, Deny):
        return
    for text in (path.decode(), path.decode().replace("%2F", "/").replace("%2f", "/")):
        cut = "/".join(
            part.split(";")[0] if data.draw(st.booleans()) else part for part in text.split("/")
        )
        found = POLICY.routes.find("h", segments_of(cut), "GET")
        assert found == NoMatch(()) or (isinstance(found, Match) and found.route is match.route)


@settings(max_examples=300)
@given(PATHS, HOSTS, METHODS)
def test_an_allowed_path_is_its_own_routes_and_is_sent_byte_for_byte(
    path: bytes, host: str, method: str
) -> None:
    """Law 4: the route is that of the segments with what it allows inside of them."""
    verdict = decide(head(path + b"?;%2F", host=host, method=method), POLICY, {}, NOW)
    if not isinstance(verdict, Allow):
        return
    assert verdict.target == path + b"?;%2F"
    found = POLICY.routes.find(host, segments_of(path.decode()), method)
    assert isinstance(found, Match)
    assert found.route is verdict.route
    assert verdict.route.allow_encoded_slash or b"%2f" not in path.lower()
    assert verdict.route.allow_semicolon or b";" not in path


@settings(max_examples=300)
@given(PATHS, HOSTS, METHODS)
def test_never_is_a_path_allowed_that_has_a_dot_segment_when_decoded(
    path: bytes, host: str, method: str
) -> None:
    """CVE-2019-9901, CVE-2021-29492."""
    decoded = unquote(path.decode(), errors="replace")
    is_dotted = any(part.split(";")[0] in {".", ".."} for part in decoded.split("/"))

    assert not is_dotted or isinstance(ask(path, host, method), Deny)


def strict(policy_of: Policy) -> Policy:
    """Return the same routes without what they allow."""
    taken: dict[str, Any] = dict.fromkeys(BOTH, False)
    return policy(*(replace(one, **taken) for one in policy_of.routes.routes))


STRICT = strict(POLICY)


@settings(max_examples=500)
@given(PATHS, HOSTS, METHODS)
def test_what_routes_allow_changes_no_verdict_about_other_paths(
    path: bytes, host: str, method: str
) -> None:
    """Nor does it change any where no route allows it."""
    request = head(path, host=host, method=method)
    lenient, strictly = find(request, POLICY), find(request, STRICT)
    parsed = parse_path(path)

    if isinstance(parsed, Deny):
        assert strictly == parsed
        assert isinstance(lenient, Match) or lenient.reason is Reason.PATH_REJECTED
    else:
        assert outline(lenient) == outline(strictly)


def outline(answer: Match | Deny) -> object:
    return (answer.route.name, answer.variables) if isinstance(answer, Match) else answer


@settings(max_examples=200)
@given(st.lists(PATHS, min_size=1, max_size=8))
def test_what_is_remembered_of_odd_paths_is_invisible(paths: list[bytes]) -> None:
    """Law 6."""
    lasting = odd_policy()

    for path in [*paths, *paths]:
        assert outline(find(head(path), lasting)) == outline(find(head(path), odd_policy()))
