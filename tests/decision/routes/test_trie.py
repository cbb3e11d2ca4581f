"""The tree of templates: the most specific one is found, and its variables have their values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.template import Variable, parse_template
from gateway.decision.routes.trie import PathTrie


def plant(*texts: str) -> PathTrie[list[str]]:
    """Return a tree of templates, each the leaf of itself; a trailing ``*`` makes a prefix."""
    trie: PathTrie[list[str]] = PathTrie()
    for text in texts:
        path = text.removesuffix("*")
        trie.leaf(parse_template(path, text != path), text != path, list).append(text)
    return trie


@pytest.mark.parametrize(
    ("texts", "path", "found"),
    [
        (("/a", "/{x}"), "/a", ("/a", ())),
        (("/a", "/{x}"), "/b", ("/{x}", ("b",))),
        (("/a/b", "/a/{x}", "/{y}/b"), "/a/c", ("/a/{x}", ("c",))),
        (("/a/b", "/{y}/c"), "/a/c", ("/{y}/c", ("a",))),
        (("/a/*", "/{x}/b"), "/a/b", ("/a/*", ())),
        (("/a/*", "/a/b"), "/a/b", ("/a/b", ())),
        (("/a/*", "/a/"), "/a/", ("/a/", ())),
        (("/*", "/a/{x}/c"), "/a/b/d", ("/*", ())),
        (("/{x}/*", "/{x}/b/c"), "/a/b/d", ("/{x}/*", ("a",))),
        (("/{x}",), "/", None),
        (("/a",), "/a/b", None),
        (("/a/*",), "/a", None),
        ((), "/a", None),
    ],
)
def test_the_most_specific_template_is_found_with_its_values(
    texts: tuple[str, ...], path: str, found: tuple[str, tuple[str, ...]] | None
) -> None:
    answer = plant(*texts).find(tuple(path.split("/")[1:]))

    assert answer == (found and ([found[0]], found[1]))


@pytest.mark.parametrize(
    ("one", "other", "is_prefix"),
    [("/a/{x}", "/a/{y}", False), ("/a", "/%61", False), ("/{x}/", "/{y}/", True)],
)
def test_templates_that_differ_in_spelling_alone_share_a_leaf(
    one: str, other: str, is_prefix: bool
) -> None:
    trie: PathTrie[list[int]] = PathTrie()

    first = trie.leaf(parse_template(one, is_prefix), is_prefix, list)

    assert trie.leaf(parse_template(other, is_prefix), is_prefix, list) is first


def test_an_end_and_a_prefix_of_the_same_segments_are_two_leaves() -> None:
    trie: PathTrie[list[int]] = PathTrie()

    end = trie.leaf(("a",), False, list)

    assert trie.leaf(("a",), True, list) is not end


Template = tuple[tuple[str, ...], bool]
SEGMENTS = st.sampled_from(["a", "b", "{x}"])
TEMPLATES = st.tuples(st.lists(SEGMENTS, min_size=1, max_size=4).map(tuple), st.booleans())
PATHS = st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=5).map(tuple)


def fits(template: Template, path: tuple[str, ...]) -> bool:
    parts, is_prefix = template
    if len(path) < len(parts) + 1 if is_prefix else len(path) != len(parts):
        return False
    return all(
        part == value or (part == "{x}" and value != "")
        for part, value in zip(parts, path, strict=False)
    )


def rank(template: Template) -> list[int]:
    """Return the order of the documentation: literal, variable, the end of a prefix."""
    parts, is_prefix = template
    return [int(part == "{x}") for part in parts] + [2] * is_prefix


@given(st.lists(TEMPLATES, max_size=8), PATHS)
def test_of_all_templates_that_fit_the_most_specific_is_found(
    templates: list[Template], path: tuple[str, ...]
) -> None:
    trie: PathTrie[list[Template]] = PathTrie()
    for template in templates:
        parts, is_prefix = template
        segments = [Variable("x") if part == "{x}" else part for part in parts]
        trie.leaf(segments, is_prefix, list).append(template)

    found = trie.find(path)

    fitting = [template for template in templates if fits(template, path)]
    if not fitting:
        assert found is None
        return
    best = min(fitting, key=rank)
    values = tuple(value for part, value in zip(best[0], path, strict=False) if part == "{x}")
    assert found is not None
    assert set(found[0]) == {best}
    assert found[1] == values
