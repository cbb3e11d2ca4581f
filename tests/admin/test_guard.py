import json
from collections.abc import AsyncIterator

import pytest

from tests.admin.peers import AdminPort, admin_port

TOKEN = "correct-horse-battery-staple"


@pytest.fixture
async def port() -> AsyncIterator[AdminPort]:
    async with admin_port(TOKEN) as port:
        yield port


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_need_no_token(port: AdminPort, path: str) -> None:
    assert (await port.ask(path)).status == 200


@pytest.mark.parametrize("path", ["/metrics", "/status", "/", "/nothing-here"])
async def test_everything_else_needs_it(port: AdminPort, path: str) -> None:
    answer = await port.ask(path)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="gateway admin"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body)["detail"] == "the admin token is required"


async def test_nothing_is_explained_to_strangers(port: AdminPort) -> None:
    headers = {"Content-Type": "application/json"}
    asked = await port.ask("/explain", "POST", headers, b'{"url": "https://a/"}')
    remembered = await port.ask("/decisions/0123456789abcd-000000001")

    assert [asked.status, remembered.status] == [401, 401]
    assert port.gateway.questions == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens_the_port(port: AdminPort, scheme: str) -> None:
    answer = await port.ask("/status", headers={"Authorization": f"{scheme} {TOKEN}"})

    assert answer.status == 200


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer x {TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        "Bearer \u00e9\u20ac",
    ],
)
async def test_anything_but_the_token_does_not(port: AdminPort, value: str) -> None:
    answer = await port.ask("/status", headers={"Authorization": value})

    assert answer.status == 401
    assert TOKEN.encode() not in answer.body


async def test_the_token_is_not_looked_for_in_the_query(port: AdminPort) -> None:
    assert (await port.ask(f"/status?token={TOKEN}&access_token={TOKEN}")).status == 401


async def test_two_tokens_are_none(port: AdminPort) -> None:
    """Which of two fields counts is a question that must not come up."""
    url = "http://{}:{}/status".format(*port.server.address)
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")]

    async with port.session.get(url, headers=headers) as answer:
        assert answer.status == 401


async def test_an_open_port_answers_without_a_token() -> None:
    async with admin_port(token=None) as port:
        assert (await port.ask("/status")).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example:80"],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/status"), ("POST", "/reload")])
async def test_without_a_token_no_website_can_have_its_name_lead_here(
    method: str, path: str, host: str
) -> None:
    """DNS rebinding: to a browser the port is then that website, and everything of it readable."""
    async with admin_port(token=None) as port:
        headers = {"Host": host, "Content-Type": "application/json"}
        answer = await port.ask(path, method, headers)

    assert answer.status == 421
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "127.0.0.1", "10.0.0.7:9901", "[::1]", "[::1]:9901"],
)
async def test_an_open_port_goes_by_addresses_and_by_localhost(host: str) -> None:
    """Behind a tunnel the port is another one; no website has such a name."""
    async with admin_port(token=None) as port:
        assert (await port.ask("/status", headers={"Host": host})).status == 200


async def test_with_a_token_the_port_may_have_any_name(port: AdminPort) -> None:
    headers = {"Host": "gateway.example:9901", "Authorization": f"Bearer {TOKEN}"}

    assert (await port.ask("/status", headers=headers)).status == 200


async def test_a_port_that_is_open_to_other_machines_may_have_any_name() -> None:
    async with admin_port(address="0.0.0.0") as port:
        assert (await port.ask("/status", headers={"Host": "gateway:9901"})).status == 200


async def test_probes_go_by_any_name() -> None:
    async with admin_port() as port:
        assert (await port.ask("/livez", headers={"Host": "evil.example"})).status == 200


async def test_an_unknown_path_is_a_problem() -> None:
    async with admin_port() as port:
        answer = await port.ask("/nothing-here")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == 404


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/status"])
async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(path: str) -> None:
    """9110.13: 405 has Allow."""
    async with admin_port() as port:
        answer = await port.ask(path, "POST")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_bug_behind_the_port_is_a_problem_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with admin_port() as port:
        port.gateway.members = {"secret word": object()}
        answer = await port.ask("/status")

    assert answer.status == 500
    assert b"JSON serializable" not in answer.body
    assert "JSON serializable" in caplog.text
