"""The surfaces that are fuzzed, by name, each with the one function that judges an input."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.fuzz.client_bytes import check_client_bytes
from tests.fuzz.network import running_ground
from tests.fuzz.service_bytes import check_service_bytes
from tests.fuzz.targets import check_target
from tests.fuzz.token_bytes import check_token

CORPUS = Path(__file__).parent / "corpus"

NAMES = ("client", "service", "target", "token")

Check = Callable[[bytes], None]


@contextmanager
def running_surfaces(directory: Path) -> Iterator[Mapping[str, Check]]:
    """Yield the checks by name; *directory* is for the configuration of the gateway."""
    with running_ground(directory) as ground:
        yield {
            "client": partial(check_client_bytes, ground),
            "service": partial(check_service_bytes, ground),
            "target": check_target,
            "token": check_token,
        }
