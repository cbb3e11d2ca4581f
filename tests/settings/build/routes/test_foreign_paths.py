"""A path as another product writes it is refused, with the path to write here."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.template import parse_template
from gateway.settings.build.routes.foreign_paths import find_foreign_path
from gateway.settings.load import Rejected
from tests.settings.configs import assert_found, config, faults, load, outcome_of


def route(key: str, path: str) -> str:
    return config(
        routes="routes:\n  - name: a\n    upstream: orders\n    require: {}\n"
        f"    match: {{{key}: ¦{path}}}\n"
    )


WRITTEN = [
    ("path", "/notes/*", "path_prefix: /notes/"),
    ("path", "/notes/**", "path_prefix: /notes/"),
    ("path_prefix", "/notes/*", "path_prefix: /notes/"),
    ("path_prefix", "/notes/**", "path_prefix: /notes/"),
    ("path", "/**", "path_prefix: /"),
    ("path_prefix", "/*", "path_prefix: /"),
    ("path", "^/notes/.*$", "path_prefix: /notes/"),
    ("path", "/notes/(.*)", "path_prefix: /notes/"),
    ("path", "/notes/{*rest}", "path_prefix: /notes/"),
    ("path", "/notes/{rest:path}", "path_prefix: /notes/"),
    ("path", "/{proxy+}", "path_prefix: /"),
    ("path", "/notes/[...rest]", "path_prefix: /notes/"),
    ("path", "/notes/<path:rest>", "path_prefix: /notes/"),
    ("path", "/{tenant}/**", 'path_prefix: "/{tenant}/"'),
    ("path", "/:tenant/*", 'path_prefix: "/{tenant}/"'),
    ("path", "/notes/:id", 'path: "/notes/{id}"'),
    ("path", "/notes/:id/parts/:part", 'path: "/notes/{id}/parts/{part}"'),
    ("path_prefix", "/:tenant/", 'path_prefix: "/{tenant}/"'),
    ("path", "/notes/<id>", 'path: "/notes/{id}"'),
    ("path", "/notes/<int:id>", 'path: "/notes/{id}"'),
    ("path", "/notes/{id:int}", 'path: "/notes/{id}"'),
    ("path", "/notes/{id:[0-9]+}", 'path: "/notes/{id}"'),
    ("path", "/notes/*/parts", 'path: "/notes/{name}/parts"'),
    ("path", "/*/notes/*/parts", 'path: "/{name}/notes/{name2}/parts"'),
    ("path", "^/notes$", "path: /notes"),
    ("path", "/notes?page=1", "path: /notes"),
    ("path", "*", "path_prefix: /"),
    ("path", "notes", "path: /notes"),
    ("path_prefix", "notes/", "path_prefix: /notes/"),
    ("path_prefix", "/notes", "path_prefix: /notes/"),
    ("path_prefix", "/notes/{id}", 'path_prefix: "/notes/{id}/"'),
    ("path_prefix", "/notes*", "path_prefix: /notes/"),
    ("path", "/notes/[id]", 'path: "/notes/{id}"'),
    ("path", "/notes/{id}.json", 'path: "/notes/{id}"'),
]


@pytest.mark.parametrize(("key", "path", "meant"), WRITTEN)
def test_the_message_has_the_line_to_write_which_holds(
    key: str, path: str, meant: str, tmp_path: Path
) -> None:
    text = route(key, f"'{path}'")

    assert_found(tmp_path, "bad_value", text)
    [fault] = faults(tmp_path, text.replace("¦", ""))
    assert f"write `{meant}`" in fault.message
    load(tmp_path, text.replace(f"{key}: ¦'{path}'", meant))


@pytest.mark.parametrize(
    "path", ["/notes/*.json", "/notes/a*", "/a/x-*/b", r"/a/\d{3}/b", "/(a|b)/c"]
)
def test_a_pattern_without_a_translation_is_refused_as_well(path: str, tmp_path: Path) -> None:
    [fault] = faults(tmp_path, route("path", f"'{path}'").replace("¦", ""))

    assert "is no pattern here: a segment is a text or, as a whole, `{name}`" in fault.message


@pytest.mark.parametrize(
    "path",
    [
        *("/notes", "/notes/", "/v1/notes:archive", "/Notes(1)", "/$metadata", "/@me", "/a+b"),
        *("/notes/{id}", "/{tenant}/notes", "/notes/%2A", "/%3Aid", "/a;b", "/a.b", "/a,b"),
    ],
)
def test_a_path_of_ours_is_none_of_these(path: str) -> None:
    assert find_foreign_path(path, is_prefix=False) is None


def test_a_sign_itself_is_written_encoded(tmp_path: Path) -> None:
    settings = load(tmp_path, route("path", "'/notes/%2A/%3Aid'").replace("¦", ""))

    [one] = settings.policy.routes.routes
    assert one.segments == ("notes", "*", ":id")


def test_a_value_of_the_environment_is_not_taken_apart(tmp_path: Path) -> None:
    text = route("path", "'/${PLACE}/*'").replace("¦", "")
    outcome = outcome_of(tmp_path, text, {"PLACE": "cellar"})

    assert isinstance(outcome, Rejected)
    assert all("cellar" not in fault.message for fault in outcome.faults)


SEGMENTS = st.sampled_from(
    [*("", "a", "b-c", "{x}", "{y}", "a.b", "v1:go", "*", "**", ":id", "{z:int}", "{w}*", "(.*)")]
)


@given(segments=st.lists(SEGMENTS, min_size=1, max_size=5), is_prefix=st.booleans())
def test_the_line_to_write_is_a_template(segments: list[str], is_prefix: bool) -> None:
    """Whatever is foreign is found, and what is to be written is not foreign itself."""
    path = "/" + "/".join(segments) + "/" * is_prefix

    message = find_foreign_path(path, is_prefix)

    if message is None:
        assert all("*" not in one and not one.startswith(":") for one in segments)
        return
    if "write `" not in message:
        return
    key, _, written = message.rpartition("write `")[2].removesuffix("`").partition(": ")
    written = written.strip('"')
    assert find_foreign_path(written, key == "path_prefix") is None
    if len(set(re.findall(r"{\w+}", written))) == written.count("{") and "//" not in written:
        parse_template(written, key == "path_prefix")
