"""The laws of the gateway, on the wire: what the service sees of any request."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.proxy.gateways import bearer, make_token
from tests.proxy.hostile import reason
from tests.proxy.messages import make_request
from tests.proxy.world import World, running_world

IDENTITY = [
    "X-Gateway-Subject",
    "X-Gateway-Issuer",
    "X-Gateway-Client",
    "X-Gateway-Scopes",
    "X-Gateway-Token-Id",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("laws")) as made:
        yield made


# --- 4: the target sent upstream is the path that was matched, byte for byte

_UNRESERVED = "ABCXYZabcxyz0189-._~!$&'()*+,=:@"
_ESCAPES = ["%41", "%7e", "%7E", "%20", "%C3%A9", "%c3%a9", "%22", "%3C"]
segments = st.lists(st.sampled_from([*_UNRESERVED, *_ESCAPES]), min_size=1, max_size=12).map(
    "".join
)
queries = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40
)


@settings(max_examples=150)
@given(parts=st.lists(segments, max_size=5), query=st.none() | queries)
@example(parts=["a", ""], query="")
def test_4_the_service_gets_the_target_byte_for_byte(
    parts: list[str], query: str | None, world: World
) -> None:
    target = "/public/" + "/".join(parts) + ("" if query is None else f"?{query}")
    before = len(world.service.requests)

    answer = world.ask(make_request(target))

    seen = [request.target for request in world.service.requests[before:]]
    if any(part in {".", ".."} for part in parts):
        assert (reason(answer), seen) == ("path_rejected", [])
    else:
        assert (answer.status, seen) == (200, [target.encode()])


@settings(max_examples=150)
@given(
    path=st.text(st.sampled_from([*"abpulic/.%2eEfF5cC;\\?#admin"]), max_size=30),
    token=st.booleans(),
)
@example(path="blic/..%2f../admin", token=True)
def test_4_any_target_is_sent_as_it_is_or_not_at_all(path: str, token: bool, world: World) -> None:
    target = f"/pu{path}"
    before = len(world.service.requests)

    answer = world.ask(make_request(target, *([bearer()] if token else [])))

    seen = [request.target for request in world.service.requests[before:]]
    assert seen == ([target.encode()] if answer.status == 200 else [])
    assert answer.status != 200 or target.startswith("/public/")


# --- 5: the query never changes the route


@settings(max_examples=150)
@given(
    path=st.sampled_from(["/public/", "/public/x", "/api/", "/admin", "/admin/x", "/no", "/"]),
    query=queries,
    token=st.sampled_from([None, "api:read", "admin"]),
)
@example(path="/admin", query="/public/", token=None)
@example(path="/admin", query="/../public/", token="api:read")
def test_5_the_query_never_changes_the_route(
    path: str, query: str, token: str | None, world: World
) -> None:
    lines = [] if token is None else [bearer(_TOKENS[token])]

    bare = world.ask(make_request(path, *lines))
    queried = world.ask(make_request(f"{path}?{query}", *lines))

    assert (queried.status, reason(queried)) == (bare.status, reason(bare))


_TOKENS = {scope: make_token(scope) for scope in ("api:read", "admin")}


# --- 8: no client header with an identity name, in any spelling, reaches a service


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Spell an identity name with other letter cases and other separators."""
    name = draw(st.sampled_from(IDENTITY))
    return "".join(
        draw(st.sampled_from("-_.")) if one == "-" else draw(st.sampled_from(one + one.swapcase()))
        for one in name
    )


@settings(max_examples=150)
@given(
    names=st.lists(spellings(), min_size=1, max_size=4),
    target=st.sampled_from(["/public/x", "/api/x"]),
    connection=st.booleans(),
)
def test_8_no_spelling_of_an_identity_header_reaches_the_service(
    names: list[str], target: str, connection: bool, world: World
) -> None:
    mark = b"mallory%d" % next(world.numbers)
    lines = [name.encode() + b": " + mark for name in names]
    if connection:
        lines.append(b"Connection: close, " + ", ".join(names).encode())

    answer = world.ask(make_request(target, bearer(), *lines))

    assert answer.status == 200
    assert mark not in world.service.received
    subjects = world.service.requests[-1].all(b"x-gateway-subject")
    assert subjects == ([b"alice"] if target == "/api/x" else [])
