"""Path templates: what a route may match."""

import pytest

from gateway.decision.routes.template import (
    MAX_TEMPLATE_SEGMENTS,
    Segment,
    Variable,
    parse_template,
)

ID = Variable("id")


@pytest.mark.parametrize(
    ("text", "is_prefix", "segments"),
    [
        ("/", False, ("",)),
        ("/orders", False, ("orders",)),
        ("/orders/", False, ("orders", "")),
        ("/orders/{id}", False, ("orders", ID)),
        ("/{id}/x/{_b2}", False, (ID, "x", Variable("_b2"))),
        ("/caf%C3%A9/a%40b", False, ("caf\u00e9", "a@b")),
        ("/", True, ()),
        ("/orders/", True, ("orders",)),
        ("/orders/{id}/", True, ("orders", ID)),
    ],
)
def test_a_template_is_literals_and_variables(
    text: str, is_prefix: bool, segments: tuple[Segment, ...]
) -> None:
    assert parse_template(text, is_prefix) == segments


@pytest.mark.parametrize(
    ("text", "is_prefix", "message"),
    [
        ("", False, "path '' must start with /"),
        ("orders", False, "path 'orders' must start with /"),
        ("/orders", True, "path prefix '/orders' must end with /"),
        ("/{}", False, "path '/{}': '{}' is not of the form {name}"),
        ("/{a", False, "path '/{a': '{a' is not of the form {name}"),
        ("/a}", False, "path '/a}': 'a}' is not of the form {name}"),
        ("/x{a}", False, "path '/x{a}': 'x{a}' is not of the form {name}"),
        ("/{a}{b}", False, "path '/{a}{b}': '{a}{b}' is not of the form {name}"),
        ("/{1a}", False, "path '/{1a}': '{1a}' is not of the form {name}"),
        ("/{a}/b/{a}", False, "path '/{a}/b/{a}' has the variable {a} twice"),
        ("/a//b", False, "path '/a//b' can never match: the path has an empty segment"),
        ("//", True, "path '//' can never match: the path has an empty segment"),
        ("/a/../b", False, "path '/a/../b' can never match: the path has a dot segment"),
        ("/a?b", False, "percent-encoded"),
        ("/caf\u00e9", False, "percent-encoded"),
        ("/a\ud800", False, "percent-encoded"),
        ("/a%2Fb", False, "encoded separator"),
        ("/a;b", False, "parameter"),
        ("/a" * (MAX_TEMPLATE_SEGMENTS + 1), False, "more than 64 segments"),
    ],
)
def test_a_template_that_can_never_match_is_refused(
    text: str, is_prefix: bool, message: str
) -> None:
    with pytest.raises(ValueError, match="path") as refusal:
        parse_template(text, is_prefix)

    assert message in str(refusal.value)
