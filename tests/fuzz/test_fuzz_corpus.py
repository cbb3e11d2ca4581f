"""Every input that was ever a finding, and every one that fuzzing starts from, holds."""

from collections.abc import Iterator, Mapping

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.surfaces import CORPUS, NAMES, Check, running_surfaces
from tests.fuzz.token_bytes import is_signed

INPUTS = [
    pytest.param(surface, data, id=f"{surface}/{name}")
    for surface in NAMES
    for name, data in seeds(surface)
]


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Check]]:
    with running_surfaces(tmp_path_factory.mktemp("fuzz")) as made:
        yield made


@pytest.mark.parametrize(("surface", "data"), INPUTS)
def test_an_input_of_the_corpus_breaks_no_law(
    checks: Mapping[str, Check], surface: str, data: bytes
) -> None:
    checks[surface](data)


@pytest.mark.parametrize("surface", NAMES)
def test_every_surface_has_inputs_to_start_from(surface: str) -> None:
    assert len(list((CORPUS / surface).iterdir())) >= 5


def test_fuzzing_tokens_starts_from_some_that_are_believed() -> None:
    """Keys are fixed for this: from refused ones alone the fuzzer never gets to the claims."""
    signed = [path.name for path in (CORPUS / "token").iterdir() if is_signed(path.read_bytes())]

    assert len(signed) >= 3
