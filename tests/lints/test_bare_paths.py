"""A prefix whose path without the last slash seems to be missing is found."""

from pathlib import Path

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

TWO = (
    "upstreams:\n  orders: {servers: ['http://10.0.0.7:8000']}\n"
    "  pages: {servers: ['http://10.0.0.8:8000']}\n"
)


def prefix(path: str, rest: str = "require: {}") -> str:
    return f"p{path.replace('/', '-')}, match: {{path_prefix: {path}}}, {rest}"


def bare(path: str, rest: str = "require: {}") -> str:
    return f"b{path.replace('/', '-')}, match: {{path: {path}}}, {rest}"


def test_a_path_that_goes_to_another_service_is_missed(tmp_path: Path) -> None:
    wide = prefix("/shop/", "require: {}, upstream: pages")
    text = config(upstreams=TWO, routes=routes(wide, prefix("¦/shop/orders/").replace("p¦", "p")))

    assert_warned(tmp_path, "bare_path_left", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert "goes to `pages`" in fault.message
    assert "add a route with `path: /shop/orders`" in fault.message

    mended = config(
        upstreams=TWO, routes=routes(wide, prefix("/shop/orders/"), bare("/shop/orders"))
    )
    assert warnings(tmp_path, mended) == ()


def test_a_path_that_goes_to_the_same_service_is_not(tmp_path: Path) -> None:
    text = config(routes=routes(prefix("/shop/"), prefix("/shop/orders/")))

    assert warnings(tmp_path, text) == ()


def test_pages_beside_an_api_are_a_fallback(tmp_path: Path) -> None:
    pages = prefix("/", "public: true, upstream: pages")

    assert warnings(tmp_path, config(upstreams=TWO, routes=routes(pages, prefix("/api/")))) == ()


def test_a_path_that_the_other_prefixes_have_is_missed(tmp_path: Path) -> None:
    both = [one for name in ("/a", "/b") for one in (prefix(f"{name}/"), bare(name))]
    text = config(routes=routes(*both, prefix("¦/c/").replace("p¦", "p")))

    assert_warned(tmp_path, "bare_path_left", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert "`/c` is not below `/c/`, and gets 404" in fault.message
    assert "add a route with `path: /c`" in fault.message


def test_a_path_that_hardly_any_prefix_has_is_not(tmp_path: Path) -> None:
    lines = [prefix("/a/"), bare("/a"), prefix("/b/"), bare("/b"), prefix("/c/"), prefix("/d/")]

    assert warnings(tmp_path, config(routes=routes(*lines))) == ()


def test_other_hosts_have_their_own_ways(tmp_path: Path) -> None:
    both = [one for name in ("/a", "/b") for one in (prefix(f"{name}/"), bare(name))]
    other = prefix("/c/").replace("/c/}", "/c/, hosts: [other.example]}")

    assert warnings(tmp_path, config(routes=routes(*both, other))) == ()


def test_below_a_variable_nothing_is_missed(tmp_path: Path) -> None:
    both = [one for name in ("/a", "/b") for one in (prefix(f"{name}/"), bare(name))]
    text = config(routes=routes(*both, prefix("'/t/{x}/'").replace("p'-t-{x}-'", "p-t")))

    assert warnings(tmp_path, text) == ()
