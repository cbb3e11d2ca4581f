"""From the head of a request to a verdict: what is refused without asking for keys."""

from pathlib import Path

import pytest

from gateway.central import Central
from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys, Verdict
from gateway.http.reading.fields import Fields
from gateway.http.reading.request import Request
from gateway.keyring.keyring import Keyring
from gateway.proxy.exchange.admit import admit, admit_after
from gateway.proxy.port import Port
from gateway.serving import make_serving
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.metrics.counts import Metrics
from tests.proxy.gateways import good_token, load, write_config


@pytest.fixture
async def keyring(tmp_path: Path) -> Keyring:
    return Keyring(load(write_config(tmp_path, ["http://127.0.0.1:1"], {})).issuers)


@pytest.fixture
async def port(tmp_path: Path, keyring: Keyring) -> Port:
    settings = load(write_config(tmp_path, ["http://127.0.0.1:1"], {}))
    metrics = Metrics()
    return make_serving(settings, Central(keyring, {}), metrics, AccessLog(None)).port


def make(target: bytes = b"/open/", host: bytes = b"a.test", *, token: bool = False) -> Request:
    fields = Fields()
    fields.host = host
    if token:
        fields.authorization = (b"Bearer " + good_token(),)
    return Request("GET", target, fields)


async def test_a_plain_request_is_decided_by_its_head(port: Port) -> None:
    assert isinstance(admit(port, make()), Allow)
    nowhere = admit(port, make(b"/nowhere"))
    assert isinstance(nowhere, Deny)
    assert nowhere.reason is Reason.ROUTE_NOT_FOUND


@pytest.mark.parametrize("host", [b"", b"a b", b"a,b", b"a@b", b"a/b"])
async def test_an_invalid_host_is_malformed(port: Port, host: bytes) -> None:
    """9112.1, CVE-2021-39155."""
    verdict = admit(port, make(host=host))

    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.REQUEST_MALFORMED


async def test_a_malformed_head_is_refused_on_any_route(port: Port) -> None:
    request = make()
    request.is_plain = False
    request.fields.find(Reason.HEADERS_TOO_LARGE, "too much")

    verdict = admit(port, request)

    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.HEADERS_TOO_LARGE


async def test_a_request_that_is_not_plain_is_checked_first(port: Port) -> None:
    request = make(b"http://b.test/open/?q")
    request.is_plain = False

    verdict = admit(port, request)

    assert isinstance(verdict, Allow)
    assert verdict.target == b"/open/?q"
    assert request.fields.host == b"b.test"


async def test_without_keys_they_are_asked_for_and_then_the_token_is_remembered(
    port: Port, keyring: Keyring
) -> None:
    request = make(b"/api/x", token=True)
    need = admit(port, request)
    assert isinstance(need, NeedKeys)
    refused = await admit_after(port, request, need)
    assert isinstance(refused, Deny)
    assert refused.reason is Reason.KEYS_UNAVAILABLE

    await keyring.start()

    allowed = await admit_after(port, request, need)
    again = admit(port, request)
    await keyring.close()
    assert isinstance(allowed, Allow)
    assert isinstance(again, Allow)
    assert again.token is allowed.token is request.fields.known


async def test_a_remembered_token_does_not_bypass_the_decision(
    port: Port, keyring: Keyring
) -> None:
    await keyring.start()
    request = make(b"/api/x", token=True)
    assert isinstance(admit(port, request), Allow)

    other = Request("GET", b"/admin/x", request.fields)

    verdict = admit(port, other)
    await keyring.close()
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.SCOPE_MISSING


@pytest.fixture
def decided(port: Port, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the targets that were really decided about."""
    targets: list[bytes] = []
    decide = port.decide

    def note(head: RequestHead) -> Verdict:
        targets.append(head.target)
        return decide(head)

    monkeypatch.setattr(port, "decide", note)
    return targets


async def test_a_request_without_a_token_is_refused_once_for_all_that_repeat_it(
    port: Port, decided: list[bytes]
) -> None:
    first = make(b"/api/x")
    repeated = Request("GET", first.target, first.fields)

    verdicts = [admit(port, first), admit(port, repeated), admit(port, repeated)]

    assert isinstance(verdicts[0], Deny)
    assert verdicts[0].reason is Reason.TOKEN_MISSING
    assert verdicts[1] is verdicts[2] is verdicts[0]
    assert decided == [b"/api/x"]


async def test_a_remembered_refusal_does_not_apply_to_another_request_with_the_same_fields(
    port: Port, decided: list[bytes]
) -> None:
    first = make(b"/api/x")
    refused = admit(port, first)
    assert isinstance(refused, Deny)
    assert refused.route is not None

    for method, target, name in (("GET", b"/open/", "open"), ("PUT", b"/api/x", "api")):
        verdict = admit(port, Request(method, target, first.fields))
        assert isinstance(verdict, Allow | Deny)
        assert verdict.route is not None
        assert verdict.route.name == name

    assert decided == [b"/api/x", b"/open/", b"/api/x"]


async def test_a_refusal_does_not_outlive_its_configuration(
    tmp_path: Path, port: Port, keyring: Keyring
) -> None:
    request = make(b"/api/x")
    assert isinstance(admit(port, request), Deny)
    routes = [{"name": "api", "match": {"path_prefix": "/api/"}, "upstream": "main"}]
    opened = [{**routes[0], "public": True}]
    settings = load(write_config(tmp_path, ["http://127.0.0.1:1"], {"routes": opened}))
    latest = make_serving(settings, Central(keyring, {}), Metrics(), AccessLog(None)).port

    assert isinstance(admit(latest, request), Allow)


async def test_only_the_lack_of_a_token_is_remembered(
    port: Port, keyring: Keyring, decided: list[bytes]
) -> None:
    """What is wrong with a token may be right in a moment, or with the next key."""
    await keyring.start()
    request = make(b"/admin/x", token=True)
    broken = make(b"/api/y")
    broken.fields.authorization = (b"Bearer a.b.c",)

    for _ in range(2):
        assert isinstance(admit(port, request), Deny)
        assert isinstance(admit(port, broken), Deny)

    await keyring.close()
    assert decided == 2 * [b"/admin/x", b"/api/y"]


async def test_the_repr_of_a_head_shows_no_credential() -> None:
    head = RequestHead("GET", "a.test", b"/", (b"Bearer " + good_token(),))

    assert good_token().decode() not in repr(head)
