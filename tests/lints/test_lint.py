"""All doubts together: in order of place, each once, without those that the file allows."""

from pathlib import Path

from gateway.settings.text.fault import WARNINGS, Code
from tests.lints.warned import doubts, warnings
from tests.settings.configs import config

ISSUER = "https://login.example.com/"


def issuers(audiences: str, leeway: str) -> str:
    return f"""\
issuers:
  main:
    issuer: "{ISSUER}"
    discovery: true
    audiences: {audiences}
    leeway: {leeway}
"""


def test_doubts_of_the_loader_and_of_the_lints_come_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    text = config("admin: 0.0.0.0:9901\n", issuers=issuers("unchecked", "2m"))

    assert [fault.code.value for fault in warnings(tmp_path, text)] == [
        "audience_unchecked",
        "long_leeway",
        "admin_exposed",
    ]


def test_a_lint_is_silenced_as_any_warning_is(tmp_path: Path) -> None:
    allow = "# gateway: allow {} because clocks drift at sea"
    text = config(
        issuers=issuers(
            f"unchecked {allow.format('audience_unchecked')}", f"2m {allow.format('long_leeway')}"
        )
    )

    found = doubts(tmp_path, text)

    assert found.warnings == ()
    assert [(one.fault.code.value, one.suppression.reason) for one in found.suppressed] == [
        ("audience_unchecked", "clocks drift at sea"),
        ("long_leeway", "clocks drift at sea"),
    ]


def test_a_silence_that_nothing_needs_is_a_doubt_itself(tmp_path: Path) -> None:
    text = config(
        issuers=issuers("[orders]", "30s # gateway: allow long_leeway because it once was long")
    )

    [fault] = warnings(tmp_path, text)

    assert (fault.code, fault.place.line) == (Code.UNUSED_SILENCE, 7)
    assert fault.message == "line 7 has no warning `long_leeway`: remove this comment"


def test_every_code_of_a_lint_can_be_silenced() -> None:
    lints = {Code.ROUTE_UNREACHABLE, Code.SECRET_IN_FILE, Code.SUBJECT_AMBIGUOUS}

    assert lints <= WARNINGS
