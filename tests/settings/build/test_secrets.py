"""Secrets are in variables or files, never in the configuration, and never in a message."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from gateway.settings.values.configuration import Settings
from tests.settings.build.login.login_configs import built, one_login
from tests.settings.configs import (
    ENVIRON,
    assert_found,
    config,
    faults,
    load,
    one_issuer,
    outcome_of,
)

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


HMAC = "b7f3-Zq9!kL2@xW5#vN8$mP1%tR4^yU6&hJ0"
ISSUER = '{issuer: "https://a.example", audiences: [a], %s}'

# A section with a secret from outside, and what the secret is there.
SECTIONS: list[tuple[str, str, Callable[[Settings], object]]] = [
    ("admin: {token_%s}", "admin-t0ken", lambda one: one.admin and one.admin.token),
    (
        "redis: {url_%s}",
        "rediss://:W0RD@redis.example:6379/0",
        lambda one: one.rate_limiting.redis and one.rate_limiting.redis.url,
    ),
    (
        "tracing: {otlp: 'https://otlp.example/v1/traces', headers_%s}",
        "api-key=hush",
        lambda one: one.tracing and "=".join(one.tracing.headers[0]),
    ),
]


def with_issuer(secret: str) -> str:
    return one_issuer(ISSUER % secret)


@pytest.mark.parametrize(("section", "secret", "read"), SECTIONS)
def test_a_file_holds_the_same_as_a_variable(
    section: str, secret: str, read: Callable[[Settings], object], tmp_path: Path
) -> None:
    (tmp_path / "held").write_text(f"{secret}\n")

    in_file = load(tmp_path, config(section % "file: held" + "\n"))
    in_variable = load(tmp_path, config(section % "env: HELD" + "\n"), {"HELD": secret})

    assert read(in_file) == read(in_variable) == secret
    assert secret not in repr(in_file)


@pytest.mark.parametrize("key", ["secret_env", "secret_file"])
def test_the_secret_of_an_issuer_is_in_a_variable_or_a_file(key: str, tmp_path: Path) -> None:
    (tmp_path / "HELD").write_text(f"{HMAC}\n")

    issuer = load(tmp_path, with_issuer(f"{key}: HELD"), {"HELD": HMAC}).issuers["main"]

    assert issuer.source.secret == HMAC.encode()
    assert issuer.issuer.algorithms == {"HS256"}
    assert HMAC not in repr(issuer)


@pytest.mark.parametrize(
    ("code", "key", "value"),
    [
        ("weak_secret", "secret_file", "short"),
        ("weak_secret", "secret_file", "ab" * 40),
        ("weak_secret", "secret_env", "short"),
        ("bad_value", "secret_file", ""),
        ("unset_variable", "secret_env", ""),
    ],
)
def test_a_secret_too_weak_for_its_algorithm_is_refused_wherever_it_is(
    code: str, key: str, value: str, tmp_path: Path
) -> None:
    """8725.14."""
    (tmp_path / "HELD").write_text(value)

    outcome = outcome_of(tmp_path, with_issuer(f"{key}: HELD"), {"HELD": value})

    assert not isinstance(outcome, Loaded)
    (fault,) = outcome.faults
    assert fault.code == code
    assert not value or value not in fault.message


def test_bytes_that_are_no_text_are_no_secret(tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(b"\xff" * 64)

    (fault,) = faults(tmp_path, with_issuer("secret_file: held"))

    assert "not UTF-8 text" in fault.message


@pytest.mark.parametrize(("section", "secret", "read"), SECTIONS)
def test_one_place_is_enough(
    section: str, secret: str, read: Callable[[Settings], object], tmp_path: Path
) -> None:
    (tmp_path / "held").write_text(secret)
    name = (
        section[section.index("{") :]
        .split("_", maxsplit=1)[0]
        .rsplit(" ", maxsplit=1)[-1]
        .strip("{")
    )
    text = config(section % f"env: TOKEN, ¦{name}_file: held" + "\n")

    assert_found(tmp_path, "conflicting_keys", text)


def test_an_included_file_reads_a_secret_of_its_own_directory_only(tmp_path: Path) -> None:
    (tmp_path / "held").write_text(HMAC)
    team = tmp_path / "team"
    team.mkdir()
    (team / "held").write_text(HMAC)
    include = config("include: [{files: team/a.yaml, may: [issuers]}]\n")

    def found(secret: str) -> list[str]:
        (team / "a.yaml").write_text(f"issuers: {{theirs: {ISSUER % secret}}}\n")
        codes = [fault.code for fault in faults(tmp_path, include)]
        return [code for code in codes if code != "unused_issuer"]

    assert found("secret_file: held") == []
    assert found("secret_file: ../held") == ["not_granted"]
    assert found("secret_env: SECRET") == ["not_granted"]


def test_a_secret_in_a_file_is_read_once_for_all_workers(tmp_path: Path) -> None:
    """They load a record of what was read: a file that changes meanwhile changes no worker."""
    (tmp_path / "held").write_text("first-t0ken")
    file = tmp_path / "gateway.yaml"
    file.write_text(config("admin: {token_file: held}\n"))
    disk = RecordingDisk()
    load_settings(file, ENVIRON, disk)
    (tmp_path / "held").write_text("second-t0ken")

    again = load_settings(file, ENVIRON, replay(disk.record))

    assert isinstance(again, Loaded)
    assert again.settings.admin is not None
    assert again.settings.admin.token == "first-t0ken"
