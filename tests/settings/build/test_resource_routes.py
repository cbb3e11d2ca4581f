"""A route belongs to the resource whose path leads to it, on a host that it serves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.routing import Route
from gateway.settings.build.resources import routes_of_resources
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Fault
from gateway.settings.values.resource_identifier import Identifier, parse_identifier
from tests.decision.policies import route
from tests.settings.configs import part_of


def identify(url: str) -> Identifier:
    identifier = parse_identifier(url)
    assert isinstance(identifier, Identifier)
    return identifier


def owners(one: Route, *urls: str) -> tuple[list[str], list[Fault]]:
    """Return the resources that own a route, and the faults that were found."""
    found: list[Fault] = []
    at_route: Part = part_of("name: a\nmatch: {path: /a}\n")
    at_resources = dict.fromkeys(urls, at_route)  # in the same file
    owned = routes_of_resources(
        {url: identify(url) for url in urls}, [one], {one.name: at_route}, at_resources, found
    )
    return [url for url, routes in owned.items() if routes], found


API = "https://api.example.com"


@pytest.mark.parametrize(
    ("path", "urls", "owner"),
    [
        ("/orders", [f"{API}/orders"], f"{API}/orders"),
        ("/orders/*", [f"{API}/orders"], f"{API}/orders"),
        ("/orders/{id}", [f"{API}/orders"], f"{API}/orders"),
        ("/orders", [f"{API}/orders/"], f"{API}/orders/"),
        ("/%6Frders", [f"{API}/orders"], f"{API}/orders"),
        ("/orders", [f"{API}/%6Frders"], f"{API}/%6Frders"),
        ("/*", [API], API),
        ("/", [f"{API}/"], f"{API}/"),
        ("/orders-old/*", [f"{API}/orders"], None),
        ("/orders", [f"{API}/orders/archive"], None),
        ("/*", [f"{API}/orders"], None),
        ("/{tenant}/a", [f"{API}/orders"], None),
        ("/Orders", [f"{API}/orders"], None),
        ("/orders/old/*", [API, f"{API}/orders/old", f"{API}/orders"], f"{API}/orders/old"),
        ("/orders/*", [API, f"{API}/orders/old", f"{API}/orders"], f"{API}/orders"),
        ("/invoices", [f"{API}/orders", API], API),
    ],
)  # fmt: skip
def test_the_longest_path_that_leads_to_a_route_wins(
    path: str, urls: list[str], owner: str | None
) -> None:
    found, faults = owners(route(path), *urls)

    assert found == ([owner] if owner else [])
    assert faults == []


@pytest.mark.parametrize(
    ("hosts", "owns"),
    [
        ((), True),
        (("api.example.com",), True),
        (("other.example.com", "api.example.com"), True),
        (("*.example.com",), True),
        (("*.com",), True),
        (("other.example.com",), False),
        (("*.api.example.com",), False),
        (("example.com",), False),
        (("*.other.com",), False),
    ],
)
def test_a_route_must_serve_the_host_of_its_resource(hosts: tuple[str, ...], owns: bool) -> None:
    found, _ = owners(route("/orders", hosts=hosts), f"{API}/orders")

    assert found == ([f"{API}/orders"] if owns else [])


def test_a_public_route_belongs_to_no_resource() -> None:
    assert owners(route("/orders", public=True), f"{API}/orders") == ([], [])


@pytest.mark.parametrize(
    ("hosts", "urls"),
    [
        ((), ["https://a.example/orders", "https://b.example/orders"]),
        (("a.example", "b.example"), ["https://a.example/orders", "https://b.example/orders"]),
        ((), ["https://a.example", "https://b.example/orders"]),
    ],
)
def test_a_route_of_resources_on_two_hosts_is_told_to_have_hosts(
    hosts: tuple[str, ...], urls: list[str]
) -> None:
    """A challenge has one address, which clients of the other host would not believe."""
    _, [fault] = owners(route("/orders", hosts=hosts), *urls)

    assert (fault.place.line, fault.code) == (2, "bad_value")
    assert fault.message == (
        f"`/orders` belongs to the resources `{urls[0]}` and `{urls[1]}` on different hosts: write"
        " a route for each host, with `hosts`"
    )


def test_hosts_tell_the_resources_of_two_hosts_apart() -> None:
    urls = ["https://a.example/orders", "https://b.example/orders"]

    assert owners(route("/orders", hosts=("b.example",)), *urls) == ([urls[1]], [])


PATHS = st.lists(st.sampled_from(["a", "b", "{v}"]), max_size=3, unique=True)
HOSTS = ["a.example.com", "b.example.com", "x.a.example.com", "example.org"]


@given(
    PATHS,
    st.sets(st.sampled_from([*HOSTS, "*.example.com", "*.a.example.com", "*.com"]), max_size=3),
    st.lists(
        st.tuples(st.sampled_from(HOSTS), PATHS.filter(lambda parts: "{v}" not in parts)),
        unique_by=lambda one: (one[0], tuple(one[1])),
        max_size=8,
    ),
)
def test_of_each_host_that_it_serves_a_route_has_the_longest_path_that_is_at_its_beginning(
    parts: list[str], hosts: set[str], resources: list[tuple[str, list[str]]]
) -> None:
    one = route("/" + "/".join(parts) + ("/*" if parts else "*"), hosts=tuple(sorted(hosts)))
    best: dict[str, str] = {}
    for host, path in resources:
        is_served = not hosts or any(
            host.endswith(own[1:]) if own[0] == "*" else host == own for own in hosts
        )
        url = "/".join([f"https://{host}", *path])
        if is_served and parts[: len(path)] == path and len(url) > len(best.get(host, "")):
            best[host] = url

    found, faults = owners(one, *("/".join([f"https://{host}", *path]) for host, path in resources))

    assert len(found) == min(len(best), 1)
    assert set(found) <= set(best.values())
    assert bool(faults) is (len(best) > 1)
    assert all(f"`{url}`" in one.message for one in faults for url in best.values())
