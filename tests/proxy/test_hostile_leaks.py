"""What refusals, logs and metrics must not tell."""

import json
import logging
from typing import Any

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import AUDIENCE, ISSUER, bearer, make_token
from tests.proxy.hostile import HOSTILE_ROUTES, answers_until_end, pour, reason
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service
from tests.telemetry.collector import running_collector
from tests.tokens import make_private, mint

_OTHER_KEY = make_private("ES256", 1)
_FORM = "Content-Type: application/x-www-form-urlencoded"


def _forged(**claims: object) -> bytes:
    standard = {"iss": ISSUER, "aud": AUDIENCE, "sub": "secret-subject", "exp": 4_000_000_000}
    return mint(_OTHER_KEY, "ES256", standard | claims)


_GOOD = make_token(jti="secret-id")
_TOKENS = [
    _GOOD,
    make_token("other-scope", jti="secret-id"),
    make_token(exp=1_000_000_000, jti="secret-id"),
    make_token(aud="secret-audience"),
    make_token(iss="https://secret.example.com/"),
    _forged(),
    _GOOD[:-8] + b"AAAAAAAA",
    _GOOD + b"=",
    _GOOD.rpartition(b".")[0],
    b"secret-opaque-token-of-some-length",
]


def _segments(token: bytes) -> list[bytes]:
    return [part for part in token.split(b".") if len(part) > 8]


async def _mixed(
    start_gateway: StartGateway, access_log: object = "none", **changes: Any
) -> tuple[list[Message], bytes, bytes]:
    """Return all answers, the metrics and the status after every token was tried everywhere."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES, access_log=access_log, **changes)
    answers = []
    for token in _TOKENS:
        for request in (
            make_request("/api/x", bearer(token)),
            make_request("/public/x", bearer(token)),
            make_request("/admin", bearer(token)),
            make_request("/nowhere", bearer(token)),
            make_request(f"/api/x?access_token={token.decode()}"),
            make_request("/api/x", "Cookie: access_token=" + token.decode()),
            make_request("/api/x", _FORM, method="POST", body=b"access_token=" + token),
            make_request("/api/x", b"Authorization: DPoP " + token),
            make_request("/public/..", bearer(token), method="POST", body=b"x"),
            make_request("/api/x", bearer(token), bearer(token)),
            make_request("/api/x", bearer(token) + b", Bearer x"),
            make_request("/api/x", b"Authorization: Bearer  " + token + b" x"),
            make_request("/api/x", b"Authorization: bearer\t" + token),
            make_request("/public/", bearer(token), method="TRACE"),
            make_request("/api/x", bearer(token), host="a,b"),
        ):
            wire = await gateway.connect()
            wire.send(request)
            answers.append(await read_answer(wire))
        wire = await gateway.connect()
        await pour(wire, b"GET /api/x HTTP/1.1\r\n" + bearer(token) + b"\r\nX : y\r\n\r\n")
        answers += await answers_until_end(wire)
    status = json.dumps(await gateway.gateway.status()).encode()
    metrics = await gateway.gateway.metrics()
    await gateway.stop()
    return answers, metrics, status


async def test_12_no_part_of_a_token_is_shown(
    service: Service,
    start_gateway: StartGateway,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """6750.9, 6750.10, CVE-2020-7694: not in the log, the metrics, the status, or any answer."""
    with caplog.at_level(logging.DEBUG):
        answers, metrics, status = await _mixed(start_gateway, access_log="stdout")
    written, said = capfd.readouterr()
    log = b"".join(text.encode() for text in (written, said, caplog.text))

    lines = written.splitlines()
    assert len(lines) == len(answers)
    assert {json.loads(line)["status"] for line in lines} >= {200, 400, 401, 403, 404, 501}
    details = {json.loads(line)["detail"] for line in lines}
    assert "the token's issuer is not configured: https://secret.example.com/" in details
    assert b"secret.example.com" not in b"".join((metrics, *map(_text, answers)))
    told = b"".join((log, metrics, status, *map(_text, answers), service.received))
    assert [part for token in _TOKENS for part in _segments(token) if part in told] == []
    assert b"eyJ" not in told
    assert b"secret-opaque" not in told
    assert b"secret-subject" not in told


async def test_12_no_part_of_a_token_is_shown_in_the_combined_format(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    """6750.9, 6750.10: which tells of two fields that the other format does not."""
    combined = {"to": "stdout", "format": "combined"}
    answers, _, _ = await _mixed(start_gateway, access_log=combined)
    gateway = await start_gateway(routes=HOSTILE_ROUTES, access_log=combined)
    for token in _TOKENS[:-1]:
        page = f"Referer: https://a/{token.decode()}/b?c#d"
        await gateway.ask(make_request("/api/x", bearer(), page, b"User-Agent: Bearer " + token))
    await gateway.stop()
    told = capfd.readouterr().out

    assert len(told.splitlines()) == len(answers) + len(_TOKENS) - 1
    assert [part for token in _TOKENS for part in _segments(token) if part.decode() in told] == []
    assert "eyJ" not in told
    assert "secret-opaque" not in told


async def test_12_no_part_of_a_token_is_in_a_span(start_gateway: StartGateway) -> None:
    """6750.9, 6750.10: nor any of its claims."""
    async with running_collector() as collector:
        tracing = {"otlp": collector.url, "sample": 1.0}
        answers, _, _ = await _mixed(start_gateway, tracing=tracing)

    statuses = {span.attributes["http.response.status_code"] for span in collector.spans}
    assert statuses >= {200, 400, 401, 403, 404, 501}
    assert sum(span.kind == "SERVER" for span in collector.spans) == len(answers)
    told = b"".join(collector.bodies)
    assert [part for token in _TOKENS for part in _segments(token) if part in told] == []
    for secret in (b"eyJ", b"secret-", b"alice", b"token-1", ISSUER.encode(), AUDIENCE.encode()):
        assert secret not in told


def _text(answer: Message) -> bytes:
    fields = b"".join(name + b": " + value for name, value in answer.fields)
    return answer.start + fields + answer.body


async def test_a_refusal_names_its_reason_and_nothing_internal(
    start_gateway: StartGateway,
) -> None:
    """CVE-2022-29266 APISIX: the body of a 401 held the secret."""
    answers, _, _ = await _mixed(start_gateway)

    refusals = [answer for answer in answers if reason(answer) is not None]
    assert len({reason(answer) for answer in refusals}) > 8
    for answer in refusals:
        text = _text(answer)
        for secret in (ISSUER.encode(), AUDIENCE.encode(), b"k1", b"ES256", b"Traceback", b".py"):
            assert secret not in text
        assert set(json.loads(answer.body)) == {
            "type", "title", "status", "detail", "reason", "instance"
        }  # fmt: skip


async def test_equal_reasons_have_equal_responses(start_gateway: StartGateway) -> None:
    """No oracle by the size of an answer: a signature of 64 zeros is as wrong as any other."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES)
    head, payload, signature = _GOOD.split(b".")
    spoilt = [signature[:at] + b"AAAA" + signature[at + 4 :] for at in range(0, 80, 20)]

    texts = set()
    for one in [*spoilt, b"A" * len(signature)]:
        answer = await gateway.ask(make_request("/api/", bearer(b".".join((head, payload, one)))))
        members = json.loads(answer.body)
        members.pop("instance")
        names = tuple(name for name, _ in answer.fields)
        texts.add((answer.start, names, json.dumps(members), answer.one(b"www-authenticate")))

    assert len(texts) == 1


HOSTILE_HEADS = [
    b"GET /public/a\x1b[31mb HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /public/%0d%0aforged HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /public/\x0d\x0aforged HTTP/1.1\r\nHost: a\r\n\r\n",
    b'GET /public/"x\\ HTTP/1.1\r\nHost: a\r\n\r\n',
    b'GET /public/ HTTP/1.1\r\nHost: a"\\b\r\n\r\n',
    b"GET /public/ HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
    b"GET /public/ HTTP/1.0\r\n\r\n",
    b"\x00\x01\x02",
]


async def test_one_request_is_one_line_of_the_log_whatever_is_in_it(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    """CVE-2020-7694 uvicorn; CVE-2020-11710: nor does a missing Host break the log."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES, access_log="stdout")
    subject = 'a\r\n{"forged": 1}\x1b[31m\u2028'
    wire = await gateway.connect()
    wire.send(make_request("/api/", bearer(make_token(sub=subject))))
    await read_answer(wire)

    for head in HOSTILE_HEADS:
        wire = await gateway.connect()
        await pour(wire, head)
        await read_answer(wire)
    await gateway.stop()

    log = capfd.readouterr().out
    lines = [json.loads(line) for line in log.split("\n")[:-1]]
    assert len(lines) == len(HOSTILE_HEADS) + 1
    assert lines[0]["subject"] == subject
    assert {line["status"] for line in lines} == {200, 400}
    assert log.isascii()
    assert all(character.isprintable() or character == "\n" for character in log)
