"""Messages arrive whole, and their text shows no file or key."""

import pickle
from pathlib import Path

import pytest

from gateway.settings.text.disk import Record
from gateway.supervisor.messages import (
    Commit,
    Configuration,
    Count,
    Discard,
    Drain,
    Find,
    KeysUpdate,
    ListUpdate,
    Prepare,
    Refetch,
    Start,
    Stop,
)
from gateway.supervisor.portable_keys import PortableKey

SECRET = b"a private key"
ANSWERS: dict[tuple[str, str], object] = {
    ("read", "/a/server.key"): SECRET,
    ("find", "/a/*.yaml"): (Path("/a/b.yaml"),),
    ("read", "/a/nowhere"): FileNotFoundError(2, "No such file or directory"),
}
CONFIGURATION = Configuration(3, Path("/a/gateway.yaml"), Record(ANSWERS), 4)
KEYS = (PortableKey("k1", frozenset({"HS256"}), True, SECRET),)

MESSAGES = [
    Start(CONFIGURATION, 1, ((5, 6), (7,)), b"jwt-gateway-1"),
    Prepare(CONFIGURATION),
    Commit(3),
    Discard(3),
    Count(),
    Find("a-1"),
    Drain(),
    Stop(),
    KeysUpdate(3, "main", KEYS, 12.5, "answered 500"),
    KeysUpdate(3, "main", None, None, None),
    ListUpdate(3, "blocked", SECRET),
    Refetch(3, "main", "k1"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_each_comes_over_as_it_was_and_shows_no_octets(message: object) -> None:
    carried = pickle.loads(pickle.dumps(message))

    assert repr(carried) == repr(message)
    assert SECRET.decode() not in repr(message)
    if not isinstance(message, Start | Prepare):
        assert carried == message


def test_the_files_of_a_configuration_come_over_and_so_does_what_could_not_be_read() -> None:
    carried: Prepare = pickle.loads(pickle.dumps(Prepare(CONFIGURATION)))

    answers = carried.configuration.record.answers
    assert answers["read", "/a/server.key"] == SECRET
    assert answers["find", "/a/*.yaml"] == (Path("/a/b.yaml"),)
    error = answers["read", "/a/nowhere"]
    assert isinstance(error, FileNotFoundError)
    assert (error.errno, error.strerror) == (2, "No such file or directory")
