"""The surfaces that are fuzzed, by name, each with the one function that judges an input."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.fuzz import key_sets, token_bytes
from tests.fuzz.client_bytes import check_client_bytes
from tests.fuzz.cost import Work
from tests.fuzz.http2_answers import check_http2_answers
from tests.fuzz.http2_frames import check_http2_frames
from tests.fuzz.key_sets import check_key_set, read_key_set
from tests.fuzz.network import running_ground
from tests.fuzz.service_bytes import check_service_bytes
from tests.fuzz.targets import check_target
from tests.fuzz.token_bytes import check_token, read_token

CORPUS = Path(__file__).parent / "corpus"

NAMES = ("client", "h2", "h2service", "keys", "service", "target", "token")

Check = Callable[[bytes], None]

# What has a bound on its cost. The fuzzer alone holds it: no test measures time.
WORK: Mapping[str, Work] = {"keys": read_key_set, "token": read_token}

_DEFAULT_MAX_BYTES = 1024
_MAX_BYTES = {"keys": key_sets.MAX_INPUT_BYTES, "token": token_bytes.MAX_INPUT_BYTES}


def max_input_bytes(surface: str) -> int:
    """Return how long the inputs of *surface* may get."""
    return _MAX_BYTES.get(surface, _DEFAULT_MAX_BYTES)


@contextmanager
def running_surfaces(directory: Path) -> Iterator[Mapping[str, Check]]:
    """Yield the checks by name; *directory* is for the configuration of the gateway."""
    with_http2 = directory / "http2"
    with_http2.mkdir()
    behind = directory / "h2service"
    behind.mkdir()
    with (
        running_ground(directory) as ground,
        running_ground(with_http2, http2=True) as http2,
        running_ground(behind, protocol="h2c") as to_http2,
    ):
        yield {
            "client": partial(check_client_bytes, ground),
            "h2": partial(check_http2_frames, http2),
            "h2service": partial(check_http2_answers, to_http2),
            "keys": check_key_set,
            "service": partial(check_service_bytes, ground),
            "target": check_target,
            "token": check_token,
        }
