"""One request on its way through, judged by what the service behind the gateway saw."""

from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire


async def test_an_allowed_request_reaches_the_service_and_its_answer_the_client(
    service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request("/api/orders?page=2", bearer()))

    assert (answer.status, answer.body) == (200, b"hello")
    assert [request.start for request in service.requests] == [b"GET /api/orders?page=2 HTTP/1.1"]


async def test_a_refused_request_never_reaches_the_service(
    service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request("/api/orders"))

    assert answer.status == 401
    assert service.received == b""


async def test_a_connection_serves_one_request_after_the_other(
    service: Service, client: Wire
) -> None:
    for number in range(5):
        client.send(make_request(f"/open/{number}"))
        assert (await read_answer(client)).body == b"hello"

    assert len(service.requests) == 5
    assert not client.has_ended
