"""How long sessions may last, and which keys seal them."""

from base64 import b64encode
from pathlib import Path

import pytest

from gateway.settings.values.login import MOST_COOKIE_BYTES, SessionSettings, SessionStoreKind
from tests.settings.build.login.login_configs import REDIS, built, one_login
from tests.settings.configs import assert_found

FIRST, SECOND = bytes(range(32)), bytes(range(1, 33))
KEYED = "keys: ['${SESSION_KEY}']"


def session(text: str) -> str:
    return one_login(REDIS, session=f"{{{text}}}")


MISTAKES = [
    ("bad_value", session("idle: ¦9h")),
    ("bad_value", session("idle: ¦0s")),
    ("bad_value", session("store: ¦disk")),
    ("conflicting_keys", session(f"¦{KEYED}")),
    ("conflicting_keys", session("¦key_files: [a.key]")),
    ("conflicting_keys", session("¦cookie_bytes: 8KiB")),
    ("conflicting_keys", session(f"store: redis, {KEYED}, ¦cookie_bytes: 8KiB")),
    ("missing_key", session("store: ¦redis")),
    ("missing_key", session("store: ¦cookie")),
    ("conflicting_keys", session(f"store: cookie, {KEYED}, ¦key_files: [a.key]")),
    ("empty_list", session("store: cookie, keys: ¦[]")),
    ("duplicate_value", session("store: cookie, keys: ['${SESSION_KEY}', ¦'${SESSION_KEY}']")),
    ("bad_key", session("store: cookie, keys: [¦'${TOKEN}']")),
    ("weak_secret", session("store: cookie, keys: [¦'${DULL_SESSION_KEY}']")),
    ("missing_file", session("store: cookie, key_files: [¦absent.key]")),
    ("bad_value", session(f"store: cookie, {KEYED}, cookie_bytes: ¦2047B")),
    ("bad_value", session(f"store: cookie, {KEYED}, cookie_bytes: ¦17KiB")),
    ("bad_value", session(f"store: cookie, {KEYED}, cookie_bytes: ¦37KiB")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)


@pytest.mark.parametrize(
    "text",
    [
        b64encode(FIRST[:31]),
        b64encode(FIRST + b"x"),
        b64encode(FIRST)[:-1],
        b64encode(FIRST) + b"!",
        FIRST.hex().encode(),
        "é".encode(),
    ],
)
def test_a_key_is_32_bytes_in_base64(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.key").write_bytes(text)

    assert_found(tmp_path, "bad_key", session("store: cookie, key_files: [¦one.key]"))


def test_the_head_of_a_request_has_room_for_the_cookies(tmp_path: Path) -> None:
    extra = "limits: {head: 20KiB}\n"
    text = one_login(extra, session=f"¦{{store: cookie, {KEYED}}}")

    assert_found(tmp_path, "bad_value", text)
    smaller = f"{{store: cookie, {KEYED}, cookie_bytes: 10KiB}}"
    assert built(tmp_path, extra, session=smaller).session.cookie_bytes == 10 * 1024


def test_a_session_takes_no_more_cookies_than_a_browser_keeps(tmp_path: Path) -> None:
    extra = "limits: {head: 1MiB}\n"
    text = one_login(extra, session=f"{{store: cookie, {KEYED}, cookie_bytes: ¦37KiB}}")

    assert_found(tmp_path, "bad_value", text)
    largest = f"{{store: cookie, {KEYED}, cookie_bytes: 36KiB}}"
    assert built(tmp_path, extra, session=largest).session.cookie_bytes == MOST_COOKIE_BYTES


def test_keys_are_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "new.key").write_bytes(b64encode(SECOND) + b"\n")
    (tmp_path / "old.key").write_bytes(b64encode(FIRST))

    of_files = built(tmp_path, session="{store: cookie, key_files: [new.key, old.key]}")
    of_variables = built(
        tmp_path, session="{store: cookie, keys: ['${OLD_SESSION_KEY}', '${SESSION_KEY}']}"
    )

    assert of_files.session.keys == of_variables.session.keys == (SECOND, FIRST)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    memory = SessionSettings(SessionStoreKind.MEMORY, 1800, 28800)

    assert built(tmp_path).session == memory


def test_what_is_written_is_built(tmp_path: Path) -> None:
    text = f"{{store: redis, idle: 5m, total: 1h, {KEYED}}}"

    one = built(tmp_path, REDIS, session=text).session

    assert one == SessionSettings(SessionStoreKind.REDIS, 300, 3600, (FIRST,))
