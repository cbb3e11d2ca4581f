"""What a route says to browsers is built where it lets nobody in who is not named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.values.cors import Cors
from tests.settings.configs import assert_found, config, load

ROUTE = "routes:\n  - {{name: a, match: {}, upstream: orders, require: {{}}, cors: {}}}\n"


def saying(text: str, match: str = "{path: /a}") -> str:
    return config(routes=ROUTE.format(match, text))


def built(directory: Path, text: str, match: str = "{path: /a}") -> Cors:
    (options,) = load(directory, saying(text, match)).route_options
    assert options.cors is not None
    return options.cors


BAD_ORIGINS = [
    *("app.example.com", "https://", "https://a/", "https://a/b", "https://a?b", "https://a#b"),
    *("HTTPS://a", "https://A.example", "https://a.example.", "https://a b", "https://u@a"),
    *("https://a:443", "http://a:80", "https://a:99999", "https://a:", "https://a,b", "//a"),
    *("https://*", "https://*.", "https://*.com", "https://a.*.com", "https://**.a.com"),
    *("https://*a.example.com", "https://a.example.com:*", "*.example.com", "Null", ""),
    *("https://é.example", "https://a\\\\b", "https://[::g]", "https://[0:0::1]"),
]
GOOD_ORIGINS = [
    *("https://app.example.com", "http://localhost:3000", "https://a:8443", "http://[::1]:3000"),
    *("capacitor://localhost", "https://*.example.com", "http://*.example.com:8080", "null", "*"),
]


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_what_no_browser_sends_is_no_origin(origin: str, tmp_path: Path) -> None:
    assert_found(tmp_path, "bad_value", saying(f'{{origins: [¦"{origin}"]}}'))


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_what_browsers_send_is_one(origin: str, tmp_path: Path) -> None:
    allows = built(tmp_path, f'{{origins: ["{origin}"]}}').allows

    assert allows(origin.replace("*.", "x.").encode())
    assert allows(b"https://stranger.test") is (origin == "*")


@pytest.mark.parametrize("origin", ["*", "null"])
def test_what_every_page_can_be_goes_without_credentials(origin: str, tmp_path: Path) -> None:
    text = saying(f'{{origins: ["https://a", ¦"{origin}"], credentials: true}}')

    assert_found(tmp_path, "bad_value", text)


def test_methods_are_those_of_the_route(tmp_path: Path) -> None:
    methods = "{path: /a, methods: [GET, PUT]}"
    text = "{origins: ['https://a'], methods: [¦DELETE, PUT]}"

    assert_found(tmp_path, "bad_value", saying(text, methods))
    assert built(tmp_path, "{origins: ['https://a']}", methods).methods == {"GET", "PUT"}
    assert built(tmp_path, "{origins: ['https://a'], methods: [PUT]}", methods).methods == {"PUT"}
    assert built(tmp_path, "{origins: ['https://a']}").methods == frozenset()


def test_nothing_is_said_twice(tmp_path: Path) -> None:
    text = "{origins: ['https://a', ¦'https://a'], methods: [GET, ¦GET]}"

    assert_found(tmp_path, "duplicate_value", saying(text))


WEB = "upstreams:\n  orders: {servers: ['http://a'], protocol: h2c, grpc_web: true}\n"


@pytest.mark.parametrize(
    ("text", "headers", "exposed"),
    [
        (
            "{origins: ['https://a']}",
            b"Authorization, Content-Type, X-Grpc-Web, X-User-Agent, Grpc-Timeout",
            b"WWW-Authenticate, X-Request-Id, Retry-After, Grpc-Status, Grpc-Message,"
            b" Grpc-Status-Details-Bin",
        ),
        (
            "{origins: ['https://a'], headers: [X-GRPC-Web], expose: [grpc-message]}",
            b"X-GRPC-Web, Content-Type, X-User-Agent, Grpc-Timeout",
            b"grpc-message, Grpc-Status, Grpc-Status-Details-Bin",
        ),
    ],
)
def test_pages_can_send_and_read_what_grpc_web_needs(
    text: str, headers: bytes, exposed: bytes, tmp_path: Path
) -> None:
    settings = load(tmp_path, config(upstreams=WEB, routes=ROUTE.format("{path: /a}", text)))

    (options,) = settings.route_options
    assert options.grpc_web
    assert options.cors is not None
    assert options.cors.headers == headers
    assert options.cors.exposed == exposed


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    cors = built(tmp_path, "{origins: ['https://a']}")

    assert cors.headers == b"Authorization, Content-Type"
    assert cors.exposed == b"WWW-Authenticate, X-Request-Id, Retry-After"
    assert (cors.credentials, cors.max_age_seconds, cors.is_open) == (False, 600, False)


def test_what_is_said_is_built(tmp_path: Path) -> None:
    text = "{origins: ['https://a'], headers: [X-A, X-B], expose: [X-C], max_age: 1h}"
    cors = built(tmp_path, text)

    assert (cors.headers, cors.exposed, cors.max_age_seconds) == (b"X-A, X-B", b"X-C", 3600)


def test_a_route_that_says_nothing_has_nothing(tmp_path: Path) -> None:
    assert [one.cors for one in load(tmp_path, config()).route_options] == [None]


@pytest.fixture(scope="module")
def wildcard(tmp_path_factory: pytest.TempPathFactory) -> Cors:
    return built(tmp_path_factory.mktemp("cors"), "{origins: ['https://*.example.com']}")


@given(st.text("ab.-/:@#\\\n%*_ ", max_size=12), st.sampled_from(["", ".test", ":1", "\n", "/"]))
def test_a_wildcard_stands_for_one_label_and_nothing_else(
    wildcard: Cors, label: str, behind: str
) -> None:
    origin = f"https://{label}.example.com{behind}".encode()
    is_label = bool(label) and not set(label) - set("ab-")
    is_label = is_label and "-" not in (label[0], label[-1])

    assert wildcard.allows(origin) is (is_label and not behind)
