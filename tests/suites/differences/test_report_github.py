"""Differences beside the lines of a pull request."""

from pathlib import Path

from gateway.suites.differences.report_formats import format_github
from tests.suites.differences.configs import BASE, SAME, difference, edited


def annotations(directory: Path, new: str) -> list[str]:
    return [line.replace(f"{directory}/", "") for line in format_github(difference(directory, new))]


def test_nothing_has_nothing_to_say(tmp_path: Path) -> None:
    assert annotations(tmp_path, SAME) == []


def test_what_opens_is_an_error_at_the_line_that_lets_it_in(tmp_path: Path) -> None:
    found = annotations(tmp_path, edited(("require: {scopes: [read, write]}", "public: true")))

    errors = [line for line in found if line.startswith("::error ")]
    assert len({line.partition("::before")[0] for line in errors}) == len(errors)
    assert errors[0].startswith(
        "::error file=new.yaml,line=24,col=5,title=opened%3A GET some.test/orders/some-2"
        "::for nobody%0Abefore: token_missing: credential: expected one bearer token"
        " (old.yaml:27)%0Aafter: allow: by the route everything (new.yaml:24)%0A"
    )
    assert errors[0].count("some.test/orders/") == 2


def test_what_closes_or_moves_is_a_warning(tmp_path: Path) -> None:
    closed = annotations(tmp_path, edited(("methods: [GET, HEAD]", "methods: [GET]")))
    moved = annotations(
        tmp_path, edited(("upstream: orders\n    require: {", "upstream: site\n    require: {"))
    )

    assert any("title=closed%3A HEAD a.example/" in line for line in closed)
    assert any("title=moved%3A GET some.test/orders/some-2" in line for line in moved)
    assert not any(line.startswith("::error") for line in (*closed, *moved))


def test_each_change_is_a_notice(tmp_path: Path) -> None:
    added = annotations(
        tmp_path,
        BASE + "  - {name: x, match: {path: /x}, upstream: site, public: true}\ndrain: 5s\n",
    )

    notices = [line for line in added if line.startswith("::notice ")]
    assert notices == [
        "::notice file=new.yaml,line=28,col=5,title=added route x::after: path /x; access public; "
        "upstream site (http://10.0.0.9:8000)",
        "::notice file=new.yaml,line=29,col=1,title=changed limit drain::before: 30 s (old.yaml:1)"
        "%0Aafter: 5 s",
    ]


def test_a_change_that_opens_by_itself_is_an_error(tmp_path: Path) -> None:
    insecure = edited(("audiences: [orders, shop]", "audiences: [orders, shop], insecure: true"))

    [error] = annotations(tmp_path, insecure)

    assert error.startswith("::error file=new.yaml,line=4,col=")
    assert "title=changed issuer partner insecure [opened]::" in error


def test_what_is_gone_stands_in_the_old_file(tmp_path: Path) -> None:
    gone = BASE[: BASE.index("  - name: everything")]

    [notice] = [line for line in annotations(tmp_path, gone) if line.startswith("::notice ")]

    assert notice.startswith(
        "::notice file=old.yaml,line=24,col=5,title=removed route everything::"
    )
