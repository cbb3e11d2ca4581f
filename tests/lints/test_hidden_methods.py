"""Methods that a more specific template keeps from a route that lists them are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import UPSTREAMS, config

READ = "read, match: {path: '/orders/{id}', methods: [GET, HEAD]}, require: {}"
WRITE = "write, match: {path_prefix: /orders/, ¦methods: [POST, PUT]}, require: {}"
TWO = UPSTREAMS + "  pages: {servers: ['http://10.0.0.8:8000']}\n"

HIDDEN = [
    routes(READ, WRITE),
    routes(READ, WRITE.replace("[POST, PUT]", "[GET, PUT]")),
    routes(READ.replace("/orders/", "/{x}/"), WRITE.replace("/orders/", "'/{x}/'")),
]
KNOWN = [
    routes(READ, WRITE.replace("[POST, PUT]", "[GET, HEAD]")),
    routes(READ.replace(", methods: [GET, HEAD]", ""), WRITE),
    routes(READ, WRITE.replace(", ¦methods: [POST, PUT]", "")),
    routes(READ.replace("{id}", "events"), WRITE),
    routes(READ, WRITE.replace("/orders/", "/")),
    routes(READ, WRITE, READ.replace("read", "other").replace("[GET, HEAD]", "[POST, PUT]")),
]


@pytest.mark.parametrize("text", HIDDEN)
def test_a_method_refused_in_nearly_all_paths_of_the_route_that_lists_it_is_doubtful(
    text: str, tmp_path: Path
) -> None:
    assert_warned(tmp_path, "method_hidden", config(routes=text))


@pytest.mark.parametrize("text", KNOWN)
def test_where_it_is_known_or_no_method_is_meant_there_is_no_doubt(
    text: str, tmp_path: Path
) -> None:
    """`/orders/events` is one path of many; and a list of none asks for no method at all."""
    assert warnings(tmp_path, config(routes=text.replace("¦", ""))) == ()


def test_what_serves_pages_around_an_api_of_another_service_is_left_alone(tmp_path: Path) -> None:
    other = WRITE.replace("¦", "") + ", upstream: pages"

    assert warnings(tmp_path, config(upstreams=TWO, routes=routes(READ, other))) == ()


def test_the_message_names_the_method_the_path_and_who_owns_it(tmp_path: Path) -> None:
    [fault] = warnings(tmp_path, config(routes=routes(READ, WRITE.replace("¦", ""))))

    assert fault.message.replace(str(tmp_path), "") == (
        "POST, PUT of `/orders/{id}` is refused with 405: `read` (/gateway.yaml:7) owns that path,"
        " and does not list the method"
    )
