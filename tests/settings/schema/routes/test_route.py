"""The shape of a route: matches and requirements."""

from pathlib import Path

import pytest

from gateway.settings.schema.routes.route import RequireModel, RouteModel, ScopeGroup
from tests.settings.configs import assert_found, one_route, require

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", one_route("    match: {path: /a}\n    public: ¦false\n")),
    ("wrong_type", one_route("    match: {path: /a}\n    public: ¦1\n")),
    ("wrong_type", one_route("    match: {path: /a}\n    require:¦ \n")),
    ("bad_value", one_route("    match: {path: /a}\n    require: {}\n    mode: ¦reprot\n")),
    ("bad_value", one_route("    match: {path: /a, methods: [¦get]}\n    public: true\n")),
    ("not_supported", one_route("    match: {path: /a, methods: [¦TRACE]}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a, methods: [¦'G T']}\n    public: true\n")),
    ("bad_value", one_route("    match: {path: /a}\n    public: true\n    upgrades: [¦'a b']\n")),
    ("empty_list", one_route("    match: {path: /a, methods: ¦[]}\n    public: true\n")),
    ("not_supported", one_route("    match: {path: /a}\n    public: true\n    upgrades: [¦h2c]\n")),
    ("empty_list", require("{issuers: ¦[]}")),
    ("empty_list", require("{scopes: ¦[]}")),
    ("empty_list", require("{scopes: {any: ¦[]}}")),
    ("bad_value", require("{scopes: [¦'a b']}")),
    ("empty_list", require("{audiences: ¦[]}")),
    ("wrong_type", require("{audiences: ¦orders}")),
    ("bad_value", require("{audiences: [¦'']}")),
    ("empty_list", require("{acr: ¦[]}")),
    ("wrong_type", require("{acr: ¦gold}")),
    ("bad_value", require("{acr: [¦'a b']}")),
    ("bad_value", require("{acr: [¦'a\"b']}")),
    ("bad_value", require("{acr: [¦'a\\b']}")),
    ("bad_value", require("{acr: [¦zoë]}")),
    ("bad_value", require("{max_age: ¦90}")),
    ("bad_value", require("{max_age: ¦500ms}")),
    ("bad_value", require("{max_age: ¦0s}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_a_routes_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_scopes_nest_as_deep_as_one_likes() -> None:
    model = RequireModel.model_validate({"scopes": ["a", {"any": ["b", {"none": ["c"]}]}]})

    assert isinstance(model.scopes, list)
    plain, group = model.scopes
    assert plain == "a"
    assert isinstance(group, ScopeGroup)
    assert group.any_of is not None
    assert group.any_of[0] == "b"
    assert group.any_of[1] == ScopeGroup.model_validate({"none": ["c"]})


def test_a_route_is_neither_public_nor_optional_unless_it_says_so() -> None:
    route = RouteModel.model_validate(
        {"name": "a", "match": {"path": "/a"}, "upstream": "u", "require": {}}
    )

    assert route.public is None
    assert route.require is not None
    assert route.require.optional is False
