"""Spellings of a path that others read as the same one."""

from posixpath import normpath
from urllib.parse import unquote

import pytest

from gateway.suites.hostile.spellings import climb, spell

WORDS = [0, 2]


def test_each_spelling_is_another_one() -> None:
    path = b"/tenants/acme/orders"
    found = [target for _, _, target in spell(path, WORDS)]

    assert path not in found
    assert len(set(found)) == len(found)
    assert all(target.isascii() and b" " not in target for target in found)


def test_only_words_of_the_template_are_written_in_other_letters() -> None:
    found = {target for name, _, target in spell(b"/tenants/acme/orders", WORDS) if "case" in name}

    assert found == {b"/Tenants/acme/orders", b"/tenants/acme/Orders", b"/TENANTS/acme/ORDERS"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [(b"/a", b"/a/"), (b"/a/", b"/a"), (b"/a/b", b"/a/b/")],
)
def test_a_slash_at_the_end_comes_or_goes(path: bytes, expected: bytes) -> None:
    found = [target for name, _, target in spell(path, []) if name == "trailing-slash"]

    assert found[0] == expected


def test_the_root_has_no_slash_to_lose() -> None:
    found = [target for name, _, target in spell(b"/", []) if name == "trailing-slash"]

    assert b"" not in found


def test_a_word_without_letters_is_not_spelt_otherwise() -> None:
    assert not [name for name, _, _ in spell(b"/123", [0]) if name == "encoded-letter"]


@pytest.mark.parametrize("folder", [b"/public/", b"/a/b/", b"/"])
def test_every_way_out_of_a_folder_leads_to_the_path(folder: bytes) -> None:
    """As somebody reads it who decodes as often as it goes, and takes every sign for a slash."""
    for name, _, target in climb(folder, b"/admin/x"):
        if name in {"overlong-encoding", "absolute-form", "fragment", "tab"}:
            continue
        text = target.decode()
        for _ in range(3):
            text = unquote(text)
        text = text.replace("\\", "/").replace("\0", "")
        parts = [part.partition(";")[0] for part in text.split("/")]
        assert normpath("/" + "/".join(part for part in parts if part)) == "/admin/x", target
