"""The parts of the benchmark that judge and mint; nothing is measured here."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import jwt
import pytest

from benchmarks import (
    rows_commands,
    rows_http2,
    rows_limits,
    rows_memory,
    rows_requests,
    rows_services,
    rows_sessions,
    rows_workers,
)
from benchmarks.log_in import keep_cookie
from benchmarks.provider import Provider
from benchmarks.report import format_missing, format_table
from benchmarks.row import Bound, Outcome, Row, Target
from benchmarks.tokens import TokenFile, make_keys, mint, spoil

ROWS = (
    *rows_requests.ROWS,
    *rows_http2.ROWS,
    *rows_workers.ROWS,
    *rows_services.ROWS,
    *rows_limits.ROWS,
    *rows_sessions.ROWS,
    *rows_memory.ROWS,
    *rows_commands.ROWS,
)


def made_up_row(*targets: Target) -> Row:
    return Row("made-up", "made-up work", "requests/s", targets, lambda _: Outcome())


@pytest.mark.parametrize(
    ("bound", "limit", "against", "gateway", "holds"),
    [
        ("≥", 1.6, "Envoy", 160.0, True),
        ("≥", 1.6, "Envoy", 159.9, False),
        ("≤", 0.6, "Envoy", 60.0, True),
        ("≤", 0.6, "Envoy", 60.1, False),
        ("≤", 8, None, 8.0, True),
        ("≤", 8, None, 8.1, False),
    ],
)
def test_a_target_is_held_against_the_ratio_or_the_figure(
    bound: Bound, limit: float, against: str | None, gateway: float, holds: bool
) -> None:
    target = Target("bar", bound, limit, against)

    assert target.holds({"gateway": gateway, "Envoy": 100.0}) is holds


@pytest.mark.parametrize("figures", [{}, {"Envoy": 1.0}, {"gateway": 1.0}])
def test_a_target_with_a_figure_missing_is_neither_held_nor_missed(
    figures: dict[str, float],
) -> None:
    assert Target("bar", "≥", 1.0, "Envoy").holds(figures) is None


def test_the_report_says_what_holds_what_is_missed_and_what_was_not_measured() -> None:
    row = made_up_row(
        Target("bar", "≥", 1.5, "Envoy"),
        Target("goal", "≥", 3, "Envoy"),
        Target("goal", "≥", 1, "X"),
    )

    table = format_table([(row, Outcome({"gateway": 200.0, "Envoy": 100.0}))])

    assert "≥ 1.5 × Envoy: holds (2.00)" in table
    assert "≥ 3 × Envoy: **missed** (2.00)" in table
    assert "≥ 1 × X: not measured |" in table


@pytest.mark.parametrize(
    ("gateway", "verdict"), [(149.9, "**missed** (1.499)"), (150, "holds (1.5)")]
)
def test_a_figure_is_told_from_its_limit(gateway: float, verdict: str) -> None:
    row = made_up_row(Target("bar", "≥", 1.5, "Envoy"))

    table = format_table([(row, Outcome({"gateway": gateway, "Envoy": 100.0}))])

    assert f"≥ 1.5 × Envoy: {verdict}" in table


def test_the_report_says_why_a_figure_is_missing() -> None:
    outcome = Outcome({}, {"gateway": "it said nothing"})

    assert "gateway: it said nothing" in format_missing([(made_up_row(), outcome)])


def test_every_row_has_its_own_name_and_a_bar_for_the_gateway() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(any(target.level == "bar" for target in row.targets) for row in ROWS)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_minted_tokens_are_distinct_equally_long_and_verify(
    tmp_path: Path, algorithm: str
) -> None:
    make_keys(tmp_path)
    public = jwt.PyJWKSet.from_json((tmp_path / "jwks.json").read_text())[algorithm]

    lines = mint(tmp_path, algorithm, 0, 3).splitlines()

    assert len(set(lines)) == 3
    assert len({len(line) for line in lines}) == 1
    for line in lines:
        jwt.decode(line.decode(), public, [algorithm], audience="api", issuer="https://issuer.test")


def test_a_spoilt_token_keeps_its_claims_and_loses_its_signature(tmp_path: Path) -> None:
    make_keys(tmp_path)
    path = tmp_path / "one"
    path.write_bytes(mint(tmp_path, "ES256", 0, 1))
    token = TokenFile(path, path.stat().st_size - 1, 1).first()

    spoilt = spoil(token)

    assert spoilt.split(".")[:2] == token.split(".")[:2]
    claims = json.loads(urlsafe_b64decode(spoilt.split(".")[1] + "=="))
    assert claims["iss"] == "https://issuer.test"
    public = jwt.PyJWKSet.from_json((tmp_path / "jwks.json").read_text())["ES256"]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(spoilt, public, ["ES256"], audience="api")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("a=1; Path=/; Secure; HttpOnly", {"a": "1", "b": "2"}),
        ("b=3==; path=/", {"b": "3=="}),
        ("b=; Max-Age=0; Path=/", {}),
        ("b=; expires=Thu, 01 Jan 1970 00:00:00 GMT", {}),
        ("c=; Max-Age=0", {"b": "2"}),
    ],
)
def test_a_scripted_login_keeps_cookies_until_they_expire(line: str, left: dict[str, str]) -> None:
    jar = {"b": "2"}

    keep_cookie(line, jar)

    assert jar == left


def test_the_provider_of_the_benchmark_issues_tokens_that_verify_and_last(tmp_path: Path) -> None:
    make_keys(tmp_path)
    public = jwt.PyJWKSet.from_json((tmp_path / "jwks.json").read_text())["RS256"]
    issuer = "http://127.0.0.1:1"
    provider = Provider(issuer, tmp_path)

    token, other = provider.access_token("a"), provider.access_token("a")

    claims = jwt.decode(token, public, ["RS256"], audience="api", issuer=issuer)
    assert (claims["sub"], claims["scope"]) == ("a", "openid orders:read")
    assert claims["exp"] - claims["iat"] == 86_400
    assert token != other
