"""An open route of an included file that owns what another file guards is found."""

from pathlib import Path

import pytest

from tests.lints.warned import routes, warnings
from tests.settings.configs import config

ADMIN = "admin, match: {path_prefix: /admin/}, require: {scopes: [admin]}"
ALL = "all, match: {path_prefix: /}, require: {}"
DEBUG = "debug, match: {path: /admin/debug}, "


def found(directory: Path, main: str, team: str, entry: str = "team.yaml") -> list[tuple[str, int]]:
    """Return the codes and lines in the team's file of all warnings."""
    (directory / "team.yaml").write_text(team)
    warned = warnings(directory, config(f"include: [{entry}]\n", routes=main))
    assert all(Path(fault.place.file).name == "team.yaml" for fault in warned), warned
    return [(fault.code.value, fault.place.line) for fault in warned]


OPENED = [
    (ADMIN, f"{DEBUG}public: true"),
    (ADMIN, f"{DEBUG}require: {{optional: true, scopes: [admin]}}"),
    (ADMIN, f"{DEBUG}public: true".replace("debug}", "debug, hosts: [a.example]}")),
    (ADMIN, f"{DEBUG}public: true".replace("debug}", "debug, methods: [GET]}")),
    (ADMIN, "mine, match: {path_prefix: /, hosts: [a.example]}, public: true"),
    (ADMIN, "mine, match: {path_prefix: /, hosts: ['*.example']}, public: true"),
    (ADMIN, "mine, match: {path_prefix: '/{x}/', hosts: [a.example]}, public: true"),
    (ADMIN, "mine, match: {path_prefix: /admin/, hosts: [a.example]}, public: true"),
    (
        ADMIN.replace("/admin/}", "/admin/, hosts: ['*.example']}"),
        "mine, match: {path_prefix: /, hosts: [a.example]}, public: true",
    ),
    (ALL, "mine, match: {path_prefix: /, hosts: [a.example]}, public: true"),
]
KEPT = [
    (ADMIN, f"{DEBUG}require: {{}}".replace("{}", "{scopes: [debug]}")),
    (ADMIN, "mine, match: {path: /healthz}, public: true"),
    (ALL, "mine, match: {path: /healthz, hosts: [a.example]}, public: true"),
    (ADMIN.replace("/}", "/, hosts: [b.example]}"), f"{DEBUG}public: true"),
    (
        ADMIN.replace("/}", "/, hosts: [b.example]}"),
        "mine, match: {path_prefix: /, hosts: [a.example]}, public: true",
    ),
    (
        ADMIN.replace("/}", "/, methods: [POST]}"),
        f"{DEBUG}public: true".replace("debug}", "debug, methods: [GET]}"),
    ),
]


@pytest.mark.parametrize(("main", "team"), OPENED)
def test_what_opens_the_guard_of_another_file_is_warned_of_once(
    main: str, team: str, tmp_path: Path
) -> None:
    assert found(tmp_path, routes(main), routes(team)) == [("guard_opened", 2)]


@pytest.mark.parametrize(("main", "team"), KEPT)
def test_what_takes_nothing_of_a_guard_is_no_doubt(main: str, team: str, tmp_path: Path) -> None:
    assert found(tmp_path, routes(main), routes(team)) == []


def test_the_exceptions_of_one_file_are_its_own(tmp_path: Path) -> None:
    one_path = "mine, match: {path: /healthz}, require: {}"

    assert found(tmp_path, routes(one_path), routes(ADMIN, f"{DEBUG}public: true")) == []
    assert warnings(tmp_path, config(routes=routes(ADMIN, f"{DEBUG}public: true"))) == ()


@pytest.mark.parametrize("confined", ["hosts: [a.example]", "under: [/admin/]"])
def test_a_file_that_is_confined_was_given_what_it_owns(confined: str, tmp_path: Path) -> None:
    team = routes(f"{DEBUG}public: true".replace("debug}", "debug, hosts: [a.example]}"))

    assert found(tmp_path, routes(ADMIN), team, f"{{files: team.yaml, {confined}}}") == []
