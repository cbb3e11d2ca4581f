"""What no route refers to is warned of, where that is known."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, faults, one_upstream

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    (
        "unused_issuer",
        config(
            issuers='issuers:\n  ¦main: {issuer: "https://a", discovery: true, audiences: [a]}\n',
            routes="routes:\n  - {name: a, match: {path: /a}, upstream: orders, public: true}\n",
        ),
    ),
    ("unused_upstream", one_upstream('{servers: ["http://a"]}\n  ¦spare: {servers: ["http://b"]}')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_what_no_route_refers_to_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_a_route_that_cannot_be_read_may_use_anything(tmp_path: Path) -> None:
    routes = "routes:\n  - {name: a, match: {path: /a}, require: {issuers: [main]}}\n"

    assert [fault.code for fault in faults(tmp_path, config(routes=routes))] == ["missing_key"]
