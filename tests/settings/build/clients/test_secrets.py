"""Secrets are in variables or files, never in the configuration, and never in a message."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from tests.settings.build.login.login_configs import built, one_login
from tests.settings.configs import ENVIRON, assert_found, faults

SECRET = "n0t-for-anyone's-eyes"


@pytest.mark.parametrize("text", [SECRET, "x${CLIENT_SECRET}", "$${CLIENT_SECRET}"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    text = one_login(client_secret=f'¦"{text}"')

    assert_found(tmp_path, "bad_value", text)
    (fault,) = faults(tmp_path, text.replace("¦", ""))
    assert "client_secret_file" in fault.message
    assert SECRET not in fault.message


def test_so_is_a_key_in_the_file(tmp_path: Path) -> None:
    text = one_login(session=f'{{store: cookie, keys: [¦"{SECRET}"]}}')

    assert_found(tmp_path, "bad_value", text)
    (fault,) = faults(tmp_path, text.replace("¦", ""))
    assert "key_files" in fault.message
    assert SECRET not in fault.message


def test_an_unset_variable_is_one_fault(tmp_path: Path) -> None:
    assert_found(tmp_path, "unset_variable", one_login(client_secret='¦"${NOWHERE}"'))


def test_a_secret_is_read_from_its_file_without_the_line_break(tmp_path: Path) -> None:
    (tmp_path / "web.secret").write_text(f"{SECRET}\n")

    login = built(tmp_path, client_secret="", client_secret_file="web.secret")

    assert login.client.secret == SECRET


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("bad_value", b""),
        ("bad_value", b" \n"),
        ("bad_value", b"x" * 4097),
        ("bad_value", b"a\x00b"),
        ("bad_value", b"\xff\xfe"),
        ("bad_value", "schlüssel".encode()),
        ("missing_file", None),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(
    code: str, content: bytes | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "web.secret").write_bytes(content)

    text = one_login(client_secret="", client_secret_file="¦web.secret")

    assert_found(tmp_path, code, text)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert_found(tmp_path, "missing_file", one_login(client_secret="", client_secret_file="¦."))


def test_no_secret_is_in_what_the_settings_show(tmp_path: Path) -> None:
    (tmp_path / "web.secret").write_text(SECRET)

    login = built(
        tmp_path,
        client_secret="",
        client_secret_file="web.secret",
        session="{store: cookie, keys: ['${SESSION_KEY}']}",
    )

    assert SECRET not in repr(login)
    assert str(bytes(range(32)))[2:20] not in repr(login)


def test_workers_get_the_secrets_that_were_read_first(tmp_path: Path) -> None:
    """Loaded again from the record, as workers do, whatever became of the files."""
    (tmp_path / "web.secret").write_text(SECRET)
    (tmp_path / "one.key").write_text(ENVIRON["SESSION_KEY"])
    path, disk = tmp_path / "gateway.yaml", RecordingDisk()
    sealed = "{store: cookie, key_files: [one.key]}"
    path.write_text(one_login(client_secret="", client_secret_file="web.secret", session=sealed))
    load_settings(path, {}, disk)
    (tmp_path / "web.secret").unlink()
    (tmp_path / "one.key").write_text("changed")

    again = load_settings(path, {}, replay(disk.record))

    assert isinstance(again, Loaded)
    login = again.settings.logins["web"]
    assert (login.client.secret, login.session.keys) == (SECRET, (bytes(range(32)),))
