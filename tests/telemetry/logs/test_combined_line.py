r"""The line in the combined format: what any reader of that format finds, whatever was sent."""

import re
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.logs.combined_line import MAX_FIELD_BYTES, format_combined

# As readers of the format look for it: words without a space, and strings up to the next quote.
LINE = re.compile(
    rb'(?P<client>\S+) - (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" '
    rb'(?P<status>\d{3}) (?P<sent>\d+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"\n'
)


class Parts(NamedTuple):
    """The arguments of ``format_combined``."""

    now: float = 1_790_000_000.9
    client: bytes = b"203.0.113.7"
    subject: str | None = "alice"
    method: str = "GET"
    target: bytes = b"/tenants/acme/orders/1"
    version: str = "1.1"
    status: int = 200
    sent_bytes: int = 220
    referer: bytes = b"https://shop.example.com/cart"
    user_agent: bytes = b"curl/8.14.1"


def read(parts: Parts) -> dict[str, str]:
    """Return the parts of the line as a reader of the format finds them."""
    line = format_combined(*parts)
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    return {name: value.decode() for name, value in found.groupdict().items()}


def test_a_request_is_one_line() -> None:
    assert format_combined(*Parts()) == (
        b'203.0.113.7 - alice [21/Sep/2026:14:13:20 +0000] "GET /tenants/acme/orders/1 HTTP/1.1" '
        b'200 220 "https://shop.example.com/cart" "curl/8.14.1"\n'
    )


def test_what_is_not_known_is_a_dash() -> None:
    line = read(Parts(client=b"", subject=None, method="", target=b"", referer=b"", user_agent=b""))

    assert {name: line[name] for name in ("client", "user", "request", "referer", "agent")} == {
        "client": "-", "user": "-", "request": "-", "referer": "-", "agent": "-"
    }  # fmt: skip


def test_a_request_in_the_version_before_says_so() -> None:
    assert read(Parts(version="1.0"))["request"].endswith(" HTTP/1.0")


@pytest.mark.parametrize(
    ("subject", "written"),
    [
        ("auth0|62f", "auth0|62f"),
        ("Alice B.", r"Alice\x20B."),
        ("-", r"\x2D"),
        ("", "-"),
        ("a] \"GET / HTTP/1.1\"", r"a]\x20\x22GET\x20/\x20HTTP/1.1\x22"),
        ("zoë\n", r"zo\xC3\xAB\x0A"),
        ("\ud800", r"\x5Cud800"),
    ],
)  # fmt: skip
def test_a_subject_is_one_word(subject: str, written: str) -> None:
    """CVE-2020-7694: nobody can write the rest of the line, or the next one."""
    assert read(Parts(subject=subject))["user"] == written


@pytest.mark.parametrize(
    "target",
    [b"/orders?access_token=eyJhbGciOi", b"/orders#access_token=eyJhbGciOi", b"/orders?#?eyJ"],
)
def test_a_query_or_fragment_is_never_written(target: bytes) -> None:
    """6750.9, 6750.10: as in the other format."""
    assert read(Parts(target=target))["request"] == "GET /orders HTTP/1.1"


@pytest.mark.parametrize(
    ("referer", "written"),
    [
        (b"https://a.example/b?code=1&access_token=x#y", "https://a.example/b"),
        (b"https://a.example/b#id_token=x", "https://a.example/b"),
        (b"https://me:secret@a.example/b@c", "https://a.example/b@c"),
        (b"https://me:secret@a.example", "https://a.example"),
        (b"android-app://com.example/", "android-app://com.example/"),
        (b"about:blank", "about:blank"),
    ],
)
def test_of_the_page_before_only_its_address_is_written(referer: bytes, written: str) -> None:
    """6750.10: where a page has its secrets."""
    assert read(Parts(referer=referer))["referer"] == written


@pytest.mark.parametrize(
    "token",
    [
        b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        b"eyJhbGciOiJFUzI1NiJ9..eyJzdWIiOiJhIn0",
        b"eyJhbGciOiJFUzI1NiJ9",
        b"ewogImFsZyI6ICJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        b"ewoJImFsZyI6ICJFUzI1NiJ9.e30.c2lnbmF0dXJl",
        b"eyAiYWxnIjogIkVTMjU2In0.e30.c2ln",
    ],
)
@pytest.mark.parametrize("before", [b"", b"Bearer ", b"token=", b"(", b"/", b"x."])
def test_a_token_that_a_client_says_elsewhere_is_not_repeated(before: bytes, token: bytes) -> None:
    """6750.10: `curl -A "$TOKEN"`, say."""
    line = format_combined(*Parts(user_agent=before + token, referer=b"https://a/" + token))

    assert line.count(b"(token)") == 2
    assert [part for part in token.split(b".") if len(part) > 3 and part in line] == []


@pytest.mark.parametrize("dot", [b"%2E", b"%2e", b"%252E"])
def test_a_token_whose_dots_are_percent_encoded_is_not_repeated_either(dot: bytes) -> None:
    token = b"eyJhbGciOiJFUzI1NiJ9" + dot + b"eyJzdWIiOiJhIn0" + dot + b"c2lnbmF0dXJl"

    line = format_combined(*Parts(user_agent=b"Bearer%20" + token, referer=b"https://a/" + token))

    assert line.count(b"(token)") == 2
    assert b"c2lnbmF0dXJl" not in line


def test_a_token_behind_other_letters_is_not_repeated_either() -> None:
    line = read(Parts(user_agent=b"token_eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl x"))

    assert line["agent"] == "token_(token) x"


@pytest.mark.parametrize(
    "agent",
    [
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
        b"Go-http-client/2.0",
        b"monkeyJail/1.0 keyJ viewobserver/2.0",
    ],
)
def test_a_usual_program_is_named_as_it_names_itself(agent: bytes) -> None:
    assert read(Parts(user_agent=agent))["agent"] == agent.decode()


@pytest.mark.parametrize("agent", [b"a" * 100_000, b"\xff" * 100_000])
def test_no_client_fills_the_log_with_its_name(agent: bytes) -> None:
    line = read(Parts(user_agent=agent, referer=agent))

    assert len(line["agent"].replace(r"\xFF", "a")) == MAX_FIELD_BYTES
    assert line["referer"] == line["agent"]


@pytest.mark.parametrize(
    ("now", "written"),
    [
        (0.0, "01/Jan/1970:00:00:00 +0000"),
        (1_772_323_199.999, "28/Feb/2026:23:59:59 +0000"),
        (253_402_300_799.0, "31/Dec/9999:23:59:59 +0000"),
    ],
)
def test_time_is_in_utc(now: float, written: str) -> None:
    assert read(Parts(now=now))["time"] == written


@given(
    client=st.binary(max_size=40),
    subject=st.none() | st.text(st.characters(), max_size=40),
    method=st.text("GETPOSUHAD-\"\\", max_size=9),
    target=st.binary(max_size=60),
    fields=st.tuples(st.binary(max_size=60), st.binary(max_size=60)),
    version=st.sampled_from(["1.0", "1.1", "2"]),
)  # fmt: skip
def test_any_bytes_in_any_part_make_one_line_of_the_same_parts(
    client: bytes,
    subject: str | None,
    method: str,
    target: bytes,
    fields: tuple[bytes, bytes],
    version: str,
) -> None:
    parts = Parts()._replace(client=client, subject=subject, method=method, target=target)
    referer, agent = fields
    line = read(parts._replace(version=version, referer=referer, user_agent=agent))

    assert (line["status"], line["sent"]) == ("200", "220")
    assert line["request"] == "-" or len(line["request"].split(" ")) == 3
