"""Tokens are found in the places that a route names, and are taken out of what goes on."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.routing import Place, TokenSources
from gateway.http.reading.credentials import (
    ACCESS_TOKEN,
    PROTOCOLS,
    REDEEMED,
    TICKET,
    gather,
    parameters_of,
    reads_elsewhere,
    split_protocols,
    split_target,
)
from tests.decision.policies import route

BOTH = frozenset((ACCESS_TOKEN, TICKET))


@pytest.mark.parametrize(
    ("value", "rest", "tokens"),
    [
        (b"chat", b"chat", []),
        (b"bearer", b"bearer", []),
        (b"chat,  v2", b"chat,  v2", []),
        (b"bearer, bearer.a.b.c", b"bearer", [b"a.b.c"]),
        (b"bearer.a,chat , v2", b"chat, v2", [b"a"]),
        (b"BEARER.a, bearer.b", b"", [b"a", b"b"]),
        (b"bearer.", b"", [b""]),
        (b",bearer.a,,", b"", [b"a"]),
        (b"bearerish.a", b"bearerish.a", []),
    ],
)
def test_subprotocols_are_split_from_tokens(value: bytes, rest: bytes, tokens: list[bytes]) -> None:
    assert split_protocols(value) == (rest, tokens)


@pytest.mark.parametrize(
    ("target", "rest", "found"),
    [
        (b"/a", b"/a", ()),
        (b"/a?", b"/a?", ()),
        (b"/a?b=1", b"/a?b=1", ()),
        (b"/a?access_token=t", b"/a", ((ACCESS_TOKEN, b"t"),)),
        (b"/a?b&access_token=t&&c", b"/a?b&&c", ((ACCESS_TOKEN, b"t"),)),
        (b"/a?access%5ftoken=%74", b"/a", ((ACCESS_TOKEN, b"t"),)),
        (b"/a?b;access_token=t", b"/a?b", ((ACCESS_TOKEN, b"t"),)),
        (b"/a?access_token", b"/a", ((ACCESS_TOKEN, b""),)),
        (b"/a?ticket=1&access_token=2", b"/a", ((TICKET, b"1"), (ACCESS_TOKEN, b"2"))),
        (b"/a?access_tokens=t", b"/a?access_tokens=t", ()),
        (b"/a?access_token]=t", b"/a?access_token]=t", ()),
    ],
)
def test_a_target_is_split_from_tokens(
    target: bytes, rest: bytes, found: tuple[tuple[bytes, bytes], ...]
) -> None:
    assert split_target(target, BOTH) == (rest, found)


@pytest.mark.parametrize(
    "name",
    [
        *("access.token", "access%20token", "access+token", "access[token", "access%5btoken"),
        *("+access_token", "%20access_token", "access_token[]", "access_token[a.b]"),
        *("access_token%00x", "ACCESS.TOKEN%5B%5D"),
    ],
)
def test_no_name_is_left_that_php_reads_as_that_of_a_token(name: str) -> None:
    """It would be a token that nobody has checked, beside one that was."""
    target = f"/a?b.c[]=1&{name}=t".encode()

    assert split_target(target, BOTH) == (b"/a?b.c[]=1", ((ACCESS_TOKEN, b"t"),))


@given(st.text(alphabet="acesokntTICKET_%5fF&;=?+#", max_size=60))
def test_no_reader_finds_a_token_in_what_is_left(query: str) -> None:
    """Whether it splits at ampersands alone or at semicolons, too."""
    rest, _ = split_target(b"/a?" + query.encode(), BOTH)

    for separator in "&;":
        names = [
            name.lower()
            for name, _ in parse_qsl(
                urlsplit(rest.decode().replace("#", "")).query, True, separator=separator
            )
        ]
        assert "access_token" not in names
        assert "ticket" not in names


def test_other_parameters_stay_byte_for_byte() -> None:
    assert split_target(b"/a?%41=%zz&x=+", BOTH)[0] == b"/a?%41=%zz&x=+"
    assert split_target(b"/a?ticket=1", frozenset()) == (b"/a?ticket=1", ())


HEADER = TokenSources(frozenset((Place.HEADER,)), b"x-token")
ANYWHERE = TokenSources(frozenset(Place), b"x-token")


def test_tokens_are_gathered_from_the_places_of_the_route_alone() -> None:
    sent = (
        (b"x-token", b"Bearer h"),
        (PROTOCOLS, b"p"),
        (ACCESS_TOKEN, b"q"),
        (REDEEMED, b"r"),
        (TICKET, b"t"),
        (b"x-other", b"o"),
    )

    gathered = gather((), sent, ANYWHERE)

    assert gathered.first == (b"Bearer h", b"Bearer p", b"Bearer q", b"Bearer r")
    assert gathered.tickets == (b"t",)
    assert gather((), sent, HEADER) == ((b"Bearer h",), (), ())


def test_only_a_field_may_carry_a_scheme() -> None:
    assert gather((), ((b"x-token", b"Basic x"),), HEADER).first == (b"Basic x",)
    assert gather((), ((b"x-token", b"t"),), HEADER).first == (b"Bearer t",)
    assert gather((), ((ACCESS_TOKEN, b"Basic x"),), ANYWHERE).first == (b"Bearer Basic x",)


def test_a_second_bearer_token_counts_wherever_it_is() -> None:
    """6750.2: the service might read the other one."""
    found = ((b"x-token", b"t"),)

    assert gather((b"Bearer a",), found, HEADER).first == (b"Bearer a", b"Bearer t")
    assert gather((b"Basic a, Bearer b",), found, HEADER).first[1:] == (b"Bearer t",)
    assert gather((b"Basic a",), found, HEADER).first == (b"Bearer t",)
    assert gather((b"Bearer a",), (), HEADER).first == ()
    assert gather((b"Bearer a",), (), ANYWHERE).first == (b"Bearer a",)


def test_only_some_routes_read_more_than_authorization() -> None:
    in_field = route(sources=HEADER)
    in_query = route(sources=TokenSources(frozenset((Place.QUERY,))))

    assert [reads_elsewhere(one) for one in (route(), in_field, in_query)] == [False, True, True]
    assert parameters_of(ANYWHERE) == BOTH
