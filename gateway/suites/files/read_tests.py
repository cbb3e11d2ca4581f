"""Read the tests of a suite file."""

from collections.abc import Collection, Mapping

from gateway.settings.schema.shape import check_shape
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.suites.files.models import (
    ALLOW,
    OTHERS,
    SKIP,
    STATUSES,
    AllowModel,
    ExpectModel,
    RequestModel,
    TestModel,
)
from gateway.suites.files.suite import AccessTest, Demands, Expectation, FieldValues
from gateway.suites.simulation.request import (
    BadRequestError,
    SimulatedRequest,
    as_call,
    parse_request,
)


def build_tests(
    part: Part, personas: Collection[str], faults: list[Fault]
) -> tuple[AccessTest, ...]:
    """Return the valid tests of the list in *part*; *personas* are all known names."""
    if part.raw is None:
        return ()
    if not isinstance(part.raw, list):
        faults.append(part.fault(Code.WRONG_TYPE, "expected a list of tests"))
        return ()
    if not part.raw:
        faults.append(part.fault(Code.EMPTY_LIST, "the list is empty: add a test"))
    taken: dict[str, Place] = {}
    order = {name: number for number, name in enumerate(personas)}
    tests: list[AccessTest] = []
    for at in map(part.child, range(len(part.raw))):
        model = check_shape(at, TestModel, faults)
        if model is None:
            continue
        place = at.document.key_place(at.path)
        owner = taken.setdefault(model.name, place)
        if owner != place:
            message = f"the name `{shorten(model.name)}` is taken by the test in line {owner.line}"
            faults.append(at.child("name").fault(Code.DUPLICATE_NAME, message))
        request = _request(model.request, at.child("request"), faults)
        expected = _expected(model, at.child("expect"), order, faults)
        also = _also(model.also, at.child("also"), personas, faults)
        if request is not None:
            _refuse_statuses(request, expected, faults)
            tests.append(AccessTest(model.name, place, request, expected, also))
    return tuple(tests)


def _refuse_statuses(
    request: SimulatedRequest, expected: Mapping[str, Expectation], faults: list[Fault]
) -> None:
    """Refuse statuses of gRPC for a request that is no call of it."""
    places = {one.place: one.answer for one in expected.values() if one.answer in STATUSES}
    for place, answer in () if request.is_grpc else places.items():
        message = f"`{answer}` is a status of gRPC: write `grpc: true` in the table of the request"
        faults.append(Fault(place, Code.BAD_VALUE, message))


def _also(
    name: str | None, part: Part, personas: Collection[str], faults: list[Fault]
) -> str | None:
    if name is not None and name not in personas:
        message = f"no persona `{shorten(name)}`{did_you_mean(name, personas)}"
        faults.append(part.fault(Code.UNKNOWN_REFERENCE, message))
        return None
    return name


def _request(
    written: str | RequestModel, part: Part, faults: list[Fault]
) -> SimulatedRequest | None:
    if isinstance(written, str):
        method, _, url = written.partition(" ")
        raw = {"method": method, "url": url.strip()}
        if not url:
            message = "a request is a method and a URL: GET https://api.example.com/orders/7"
            faults.append(part.fault(Code.BAD_VALUE, message))
            return None
        model = check_shape(Part(part.document, part.path, raw), RequestModel, faults)
    else:
        model = written
    if model is None:
        return None
    _refuse_host(model, part.child("headers"), faults)
    if model.grpc and model.method not in {None, "POST"}:
        message = "a call of gRPC is a POST: leave out `method`"
        faults.append(part.child("method").fault(Code.CONFLICTING_KEYS, message))
        return None
    headers = [(name, value) for name, values in model.headers.items() for value in _values(values)]
    try:
        asked = parse_request(model.method or "GET", model.url, headers)
        return as_call(asked) if model.grpc else asked
    except BadRequestError as problem:
        at = part if isinstance(written, str) else part.child("url")
        faults.append(at.fault(Code.BAD_VALUE, str(problem)))
        return None


def _refuse_host(model: RequestModel, part: Part, faults: list[Fault]) -> None:
    for name in model.headers:
        if name.lower() == "host":
            message = "the URL already names the host"
            faults.append(part.child(name).key_fault(Code.CONFLICTING_KEYS, message))


def _expected(
    model: TestModel, part: Part, personas: Mapping[str, int], faults: list[Fault]
) -> Mapping[str, Expectation]:
    """Return what is expected of each persona that is tried; *personas* have their order."""
    found: dict[str, Expectation] = {}
    for name, written in model.expect.items():
        if name != OTHERS and name not in personas:
            message = f"no persona `{shorten(name)}`{did_you_mean(name, (*personas, OTHERS))}"
            faults.append(part.child(name).key_fault(Code.UNKNOWN_REFERENCE, message))
            continue
        found[name] = _expectation(written, part.child(name), faults)
    others = found.pop(OTHERS, None)
    _refuse_missing(part, personas, faults)
    if others is not None and others.answer != SKIP:
        found = {name: found.get(name, others) for name in personas}
    tried = {name: one for name, one in found.items() if one.answer != SKIP}
    if not tried and others is not None:
        message = "every persona is skipped: name one that is tried, with what is expected for it"
        faults.append(part.key_fault(Code.MISSING_EXPECTATION, message))
    # In the order of the personas, the same in all tests of the file.
    return {name: tried[name] for name in sorted(tried, key=personas.__getitem__)}


def _refuse_missing(part: Part, personas: Collection[str], faults: list[Fault]) -> None:
    said = part.raw if isinstance(part.raw, dict) else {}
    if OTHERS in said:
        return
    missing = [name for name in personas if name not in said]
    if missing:
        message = (
            f"nothing is expected for {', '.join(missing)}: name them, or say it for `{OTHERS}`"
        )
        faults.append(part.key_fault(Code.MISSING_EXPECTATION, message))


def _expectation(written: str | ExpectModel, part: Part, faults: list[Fault]) -> Expectation:
    place = part.document.key_place(part.path)
    if isinstance(written, str):
        return Expectation(place, written)
    _refuse_contradictions(written.allow, part.child("allow"), faults)
    return Expectation(place, ALLOW, _demands(written.allow))


def _refuse_contradictions(model: AllowModel, part: Part, faults: list[Fault]) -> None:
    present = {name.lower() for name in (*model.headers, *(model.present or ()))}
    for index, name in enumerate(model.absent or ()):
        if name.lower() in present:
            message = f"`{name}` cannot be both present and absent"
            at = part.child("absent").child(index)
            faults.append(at.fault(Code.CONFLICTING_KEYS, message))


def _demands(model: AllowModel) -> Demands:
    headers = tuple((name, _values(values)) for name, values in model.headers.items())
    return Demands(
        route=model.route,
        upstream=model.upstream,
        target=model.target,
        headers=headers,
        present=tuple(model.present or ()),
        absent=tuple(model.absent or ()),
        would_deny=model.would_deny,
    )


def _values(values: str | list[str]) -> FieldValues:
    return (values,) if isinstance(values, str) else tuple(values)
