"""Documents: every value with its place, and messages that quote what is written."""

from gateway.settings.text.document import Document, KeyPath
from gateway.settings.text.fault import Code, Place, Severity
from gateway.settings.text.scalars import shorten
from tests.settings.configs import SECRET, part_of

TEXT = """\
routes:
  - name: a
    match: {path: /a}
  - name: b
"""


def place(line: int, column: int) -> Place:
    return Place("gateway.yaml", line, column)


def document() -> Document:
    return part_of(TEXT).document


def test_a_value_and_its_key_have_places_of_their_own() -> None:
    path: KeyPath = ("routes", 0, "match", "path")

    assert document().key_place(path) == place(3, 13)
    assert document().value_place(path) == place(3, 19)


def test_an_item_of_a_list_has_no_key_and_so_stands_where_it_starts() -> None:
    assert document().key_place(("routes", 1)) == document().value_place(("routes", 1))
    assert document().value_place(("routes", 1)) == place(4, 5)


def test_what_is_not_there_is_placed_at_the_nearest_value_around_it() -> None:
    assert document().value_place(("routes", 1, "match", "path")) == place(4, 5)
    assert document().key_place(("routes", 1, "match")) == place(4, 5)
    assert document().value_place(("issuers",)) == document().value_place(())


def test_a_document_without_values_has_its_start() -> None:
    assert part_of("").document.value_place(("a", "b")) == place(1, 1)


def test_a_part_walks_into_mappings_and_lists() -> None:
    match = part_of(TEXT).child("routes").child(0).child("match")

    assert match.path == ("routes", 0, "match")
    assert match.raw == {"path": "/a"}


def test_a_part_of_what_is_not_there_holds_nothing() -> None:
    routes = part_of(TEXT, "routes")

    assert routes.child(2).raw is None
    assert routes.child("name").raw is None
    assert routes.child(0).child("name").child("more").raw is None
    assert part_of("just text").child("a").raw is None


def test_a_part_says_errors_and_warnings_at_its_key_or_value() -> None:
    path = part_of(TEXT, "routes", 0, "match", "path")
    code, message = Code.BAD_VALUE, "wrong"

    said = [path.fault(code, message), path.key_fault(code, message)]
    warned = [path.warning(code, message), path.key_warning(code, message)]

    for pair, severity in ((said, Severity.ERROR), (warned, Severity.WARNING)):
        assert [fault.place for fault in pair] == [place(3, 19), place(3, 13)]
        assert {fault.severity for fault in pair} == {severity}
        assert {(fault.code, fault.message) for fault in pair} == {(code, message)}


def test_a_message_quotes_a_variable_as_it_is_written() -> None:
    """What stands in the environment may be a secret; a message about it goes into logs."""
    part = part_of("a: {b: 'x-${SECRET}'}", "a", "b")

    fault = part.fault(Code.BAD_VALUE, f"`{part.raw}` and {part.raw!r} are wrong")

    assert fault.message == "`x-${SECRET}` and 'x-${SECRET}' are wrong"


def test_a_long_value_is_not_shown_in_its_short_form_either() -> None:
    """Messages quote at most 60 characters, which are most of a secret."""
    part = part_of("a: 'x-${SECRET}'", "a")

    fault = part.fault(Code.BAD_VALUE, f"`{shorten(str(part.raw))}` is wrong")

    assert fault.message == "`x-${SECRET}` is wrong"


def test_a_message_about_what_is_around_a_variable_hides_it_too() -> None:
    part = part_of("a: {b: '${SECRET}'}", "a")

    assert SECRET not in part.fault(Code.BAD_VALUE, f"not {SECRET}").message
    assert SECRET not in part.key_fault(Code.BAD_VALUE, f"not {SECRET}").message


def test_an_empty_variable_changes_no_message() -> None:
    part = part_of("a: '${EMPTY}'", "a")

    assert part.fault(Code.BAD_VALUE, "a message").message == "a message"


def test_a_default_is_quoted_once_though_the_value_is_in_it() -> None:
    part = part_of("a: '${MODE:-report}'", "a")

    assert part.fault(Code.BAD_VALUE, "`report`").message == "`${MODE:-report}`"
