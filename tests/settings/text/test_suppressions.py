"""Warnings are silenced in place, with a reason; a silence that says or does nothing is told."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, Rejected
from gateway.settings.text.fault import WARNINGS, Code, Fault, Place, Severity
from gateway.settings.text.suppressions import apply_suppressions, find_unused, read_suppressions
from tests.settings.configs import ENVIRON, config, outcome_of, part_of

BECAUSE = "because partners share one API"
UNCHECKED = """\
issuers:
  main:
    issuer: "https://login.example.com/"
    discovery: true
    audiences: unchecked
"""


def loaded(directory: Path, text: str) -> Loaded:
    outcome = outcome_of(directory, text, ENVIRON)
    assert isinstance(outcome, Loaded), outcome
    return outcome


def unchecked(above: str = "", behind: str = "") -> str:
    line = "    audiences: unchecked"
    return config(issuers=UNCHECKED.replace(line, f"{above}{line}{behind}"))


SILENT = [
    unchecked(behind=f" # gateway: allow audience_unchecked {BECAUSE}"),
    unchecked(above=f"    # gateway: allow audience_unchecked {BECAUSE}\n"),
    unchecked(above=f"# gateway: allow audience_unchecked {BECAUSE}\n    # and always have\n"),
]


@pytest.mark.parametrize("text", SILENT)
def test_a_silence_on_the_line_or_above_it_takes_the_warning_out(text: str, tmp_path: Path) -> None:
    outcome = loaded(tmp_path, text)
    [silenced] = outcome.suppressed

    assert outcome.warnings == ()
    assert silenced.fault.code is Code.AUDIENCE_UNCHECKED
    assert silenced.suppression.reason == "partners share one API"


def test_it_speaks_of_its_line_alone(tmp_path: Path) -> None:
    text = unchecked(above=f"    # gateway: allow audience_unchecked {BECAUSE}\n\n")
    outcome = loaded(tmp_path, text)

    assert [fault.code for fault in outcome.warnings] == [Code.AUDIENCE_UNCHECKED]
    assert outcome.suppressed == ()


def test_it_speaks_of_its_own_file_alone(tmp_path: Path) -> None:
    team = "issuers:\n  t: {issuer: 'https://t.example/', discovery: true, audiences: unchecked}\n"
    (tmp_path / "team.yaml").write_text(team)
    entry = "{files: team.yaml, may: [issuers-for-all]}"
    text = config(f"# gateway: allow audience_unchecked {BECAUSE}\ninclude: [{entry}]\n")

    [warning] = loaded(tmp_path, text).warnings

    assert (warning.code, Path(warning.place.file).name) == (Code.AUDIENCE_UNCHECKED, "team.yaml")


def test_it_silences_beside_errors_too(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, SILENT[0] + "listn: 0.0.0.0:80\n")

    assert isinstance(outcome, Rejected)
    assert [fault.code for fault in outcome.faults] == [Code.UNKNOWN_KEY]


MISTAKES = [
    ("", "the code is missing: write `# gateway: allow CODE because REASON`"),
    (
        f"audience_uncheked {BECAUSE}",
        "`audience_uncheked` is not the code of a warning: did you mean `audience_unchecked`?",
    ),
    (f"xyz {BECAUSE}", "`xyz` is not the code of a warning"),
    (
        f"unknown_key {BECAUSE}",
        "`unknown_key` cannot be silenced: only warnings about the file itself can",
    ),
    (
        f"unused_silence {BECAUSE}",
        "`unused_silence` cannot be silenced: only warnings about the file itself can",
    ),
    *[
        (
            f"audience_unchecked{end}",
            "a reason is missing: write `# gateway: allow CODE because REASON`",
        )
        for end in ("", " because", " because ", " for a reason")
    ],
]


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_a_silence_that_cannot_be_read_is_a_warning_and_silences_nothing(
    words: str, message: str, tmp_path: Path
) -> None:
    outcome = loaded(tmp_path, unchecked(behind=f" # gateway: allow {words}"))

    assert [(fault.code, fault.message) for fault in outcome.warnings[1:]] == [
        (Code.BAD_SILENCE, message)
    ]
    assert outcome.warnings[0].code is Code.AUDIENCE_UNCHECKED


def fault(line: int, code: Code, severity: Severity = Severity.WARNING) -> Fault:
    return Fault(Place("gateway.yaml", line, 3), code, "x", severity)


SILENCES = read_suppressions(
    part_of(f"a: 1\n# gateway: allow insecure_url {BECAUSE}\nb: 2\n").document.comments, []
)


def test_an_error_is_never_silenced() -> None:
    """The code of some errors is that of a warning elsewhere."""
    error = fault(3, Code.INSECURE_URL, Severity.ERROR)

    assert apply_suppressions([error], SILENCES) == ([error], [])


def test_a_silence_that_no_warning_needs_is_unused() -> None:
    kept, silenced = apply_suppressions(
        [fault(2, Code.INSECURE_URL), fault(3, Code.REPORT_ONLY)], SILENCES
    )

    assert len(kept) == 2
    assert [
        (one.place.line, one.code, one.severity) for one in find_unused(SILENCES, silenced)
    ] == [(2, Code.UNUSED_SILENCE, Severity.WARNING)]


def test_one_silence_is_enough_for_all_warnings_of_its_code_in_a_line() -> None:
    two = [fault(3, Code.INSECURE_URL), fault(3, Code.INSECURE_URL)]
    kept, silenced = apply_suppressions(two, SILENCES)

    assert (kept, find_unused(SILENCES, silenced)) == ([], [])


def test_what_is_said_twice_is_unused_once() -> None:
    other = read_suppressions(
        part_of(f"\nb: 2\nb: 2 # gateway: allow insecure_url {BECAUSE}\n").document.comments, []
    )
    _, silenced = apply_suppressions([fault(3, Code.INSECURE_URL)], (*SILENCES, *other))

    assert [one.place.line for one in find_unused((*SILENCES, *other), silenced)] == [3]


def test_no_code_of_silences_themselves_can_be_silenced() -> None:
    assert not {Code.BAD_SILENCE, Code.UNUSED_SILENCE} & WARNINGS
