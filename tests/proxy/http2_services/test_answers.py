"""What a service answers over HTTP/2 harms nobody but itself (tests/corpus/http2/answers.yaml)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.proxy.h2.cases import HTTP2_FOLDER, pieces
from tests.proxy.http2_services.service import Call
from tests.proxy.http2_services.world import HostileWorld, label, running_hostile_world
from tests.proxy.messages import make_request, read_answer

_OTHER_FAILS = {"502 upstream_invalid", "502 upstream_unreachable", "200 other"}


@dataclass(frozen=True, slots=True)
class Case:
    """What is answered, and which of several outcomes are right."""

    name: str
    source: str
    answer: tuple[Any, ...] = field(repr=False)
    then: tuple[str, ...]
    costs: str


def _case(told: Mapping[str, Any]) -> Case:
    assert told.keys() == {"name", "source", "answer", "then", "costs"}, told
    assert told["costs"] in {"stream", "connection", "either"}, told
    then = told["then"] if isinstance(told["then"], list) else [told["then"]]
    return Case(
        told["name"],
        told["source"],
        tuple(told["answer"]),
        tuple(str(one) for one in then),
        told["costs"],
    )


CASES = tuple(map(_case, yaml.safe_load((HTTP2_FOLDER / "answers.yaml").read_text())["cases"]))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileWorld]:
    with running_hostile_world(tmp_path_factory.mktemp("answers")) as made:
        yield made


def is_right(found: str, case: Case) -> bool:
    return any(found == one or found.strip() == one.strip() for one in case.then)


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_costs_at_most_what_it_may(
    case: Case, protocol: str, world: HostileWorld
) -> None:
    """9113.19, 9113.20"""

    def attack(call: Call) -> None:
        raw = [one for one in pieces(case.answer, call.number - 1) if isinstance(one, bytes)]
        call.peer.put(*raw)

    async def run() -> tuple[str, str, bool]:
        world.begin(attack)
        other = await world.ask_other()
        if protocol == "HTTP/2":
            got = await world.label_in_http2()
        else:
            got = await label(await world.ask_victim())
        held, victim = world.service.calls[:2]
        assert victim.peer is held.peer  # one connection for both
        if case.costs == "connection":
            await held.peer.wait_end()
        world.released.set()
        got_other = await label(other)
        behind = await world.gateway.connect()
        behind.send(make_request("/public/behind"))
        assert (await read_answer(behind)).body == b"/public/behind "
        return got, got_other, held.peer.has_ended

    got, got_other, is_gone = world.run(run())

    assert is_right(got, case), got
    if case.costs == "stream":
        assert (got_other, is_gone) == ("200 other", False)
    else:
        assert got_other in _OTHER_FAILS
    if got_other != "200 other":
        assert is_gone
