"""The laws of the gateway, on the wire: what the service sees of any request."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.proxy.gateways import bearer, load, make_token, write_config
from tests.proxy.hostile import reason
from tests.proxy.messages import make_request, read_answer
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


# Names that a configuration may choose; `Tenant` is nobody's before its configuration came.
_OWN_NAMES = ["X-Tenant", "Remote-User", "X.User.Id", "Tenant", "X-Gateway-Tenant"]
_ROUTES: list[Mapping[str, Any]] = [
    {"name": "public", "match": {"path_prefix": "/public/"}, "upstream": "main", "public": True},
    {"name": "api", "match": {"path_prefix": "/api/"}, "upstream": "main", "require": {}},
    {
        "name": "report",
        "match": {"path_prefix": "/report/"},
        "upstream": "main",
        "mode": "report",
        "require": {"scopes": ["nobody:has-it"]},
    },
    {
        "name": "maybe",
        "match": {"path_prefix": "/maybe/"},
        "upstream": "main",
        "require": {"optional": True},
    },
]
_TARGETS = {"/public/x": [], "/api/x": [bearer()], "/report/x": [bearer()], "/maybe/x": []}


@st.composite
def spelt(draw: st.DrawFn, names: st.SearchStrategy[str]) -> tuple[str, str]:
    """Return a name, and one that some service takes for it."""
    name = draw(names)
    text = "".join(
        draw(st.sampled_from("-_.~"))
        if one in "-."
        else draw(st.sampled_from(one + one.swapcase()))
        for one in name
    )
    return name, draw(st.sampled_from(["", "", "", "HTTP_", "http-"])) + text


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identities")


@pytest.fixture(scope="module")
def changing_world(directory: Path) -> Iterator[World]:
    with running_world(directory) as made:
        yield made


@settings(max_examples=60)
@given(
    configurations=st.lists(
        st.tuples(
            st.none() | st.sets(st.sampled_from(_OWN_NAMES), max_size=2),
            st.sampled_from(["drop", "keep"]),
        ),
        min_size=1,
        max_size=3,
    ),
    forged=st.lists(
        spelt(
            st.sampled_from([*IDENTITY, *_OWN_NAMES])
            | st.text("abcXYZ019-", min_size=1, max_size=8).map("X-Gateway-".__add__)
        ),
        min_size=1,
        max_size=4,
    ),
    target=st.sampled_from([*_TARGETS]),
)
@example(
    configurations=[({"X-Tenant"}, "keep")],
    forged=[("X-Gateway-Subject", "X-Gateway-Subject"), ("X-Gateway-Foo", "HTTP_X_GATEWAY_FOO")],
    target="/public/x",
)
@example(
    configurations=[({"HTTP_X_LOGIN"}, "keep"), (None, "drop")],
    forged=[("HTTP_X_LOGIN", "X-Login"), ("HTTP_X_LOGIN", "http-x-login")],
    target="/public/x",
)
@example(
    configurations=[({"Remote-User"}, "drop"), (None, "drop"), ({"X-Tenant"}, "drop")],
    forged=[("Remote-User", "remote-user"), ("X-Tenant", "X.Tenant")],
    target="/report/x",
)
def test_8_no_name_of_the_gateway_reaches_the_service_under_any_configuration_after_any_other(
    configurations: list[tuple[set[str] | None, str]],
    forged: list[tuple[str, str]],
    target: str,
    changing_world: World,
    directory: Path,
) -> None:
    """The same bytes on one connection, through each reload: nothing remembers them as harmless."""
    world = changing_world
    marks = [b"mallory%d" % next(world.numbers) for _ in forged]
    lines = [
        spelling.encode() + b": " + mark for (_, spelling), mark in zip(forged, marks, strict=True)
    ]
    request = make_request(target, *_TARGETS[target], *lines)
    ours = set(IDENTITY)

    async def play() -> None:
        wire = await world.gateway.connect()
        for own, underscore_names in configurations:
            changes: dict[str, Any] = {"routes": _ROUTES, "underscore_names": underscore_names}
            if own is not None:
                changes["identity"] = {"headers": dict.fromkeys(own, "sub")}
                ours.update(own)
            path = write_config(directory, [world.service.url], changes)
            assert await world.gateway.gateway.reload(load(path)) is None
            for _ in range(2):  # as it is read, and as it is known again
                wire.send(request)
                assert (await read_answer(wire)).status == 200
                for (name, spelling), mark in zip(forged, marks, strict=True):
                    if name in ours or name.startswith("X-Gateway-"):
                        got = [value for _, value in world.service.requests[-1].fields]
                        assert mark not in got, (name, spelling)
        wire.close()

    world.run(play())
