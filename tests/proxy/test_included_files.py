"""Whoever writes an included file gets into no route of the main file, and reads no secret."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings.load import Rejected, load_settings
from tests.proxy.gateways import (
    AUDIENCE,
    bearer,
    good_token,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.hostile import reason
from tests.proxy.messages import make_request
from tests.proxy.service import Service

TEAM = "https://team.example/"
SECRET = "correct horse battery staple"


def write_team(directory: Path, *grants: str, **sections: Any) -> Path:
    """Write a configuration that includes a team's file with an issuer and a route."""
    entry: object = {"files": "team.yaml", "may": list(grants)} if grants else "team.yaml"
    path = write_config(directory, ["http://127.0.0.1:1"], {"include": [entry]})
    issuer = {
        "issuer": TEAM,
        "jwks_file": "keys.json",
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
    }
    route = {"name": "team", "match": {"path": "/team"}, "upstream": "main", "require": {}}
    team = {"issuers": {"team": issuer}, "routes": [route], **sections}
    (directory / "team.yaml").write_text(yaml.safe_dump(team, sort_keys=False))
    return path


def serve_by(path: Path, service: Service) -> None:
    path.write_text(path.read_text().replace("http://127.0.0.1:1", service.url))


@pytest.mark.parametrize(("grant", "status"), [("issuers", 403), ("issuers-for-all", 200)])
async def test_a_token_of_a_teams_issuer_passes_the_routes_of_its_file_alone(
    grant: str, status: int, service: Service, tmp_path: Path
) -> None:
    path = write_team(tmp_path, grant)
    serve_by(path, service)
    stranger = bearer(make_token("api:read admin", iss=TEAM, sub="root"))
    requests = {"/api/x": "api", "/admin/x": "admin", "/maybe/x": "maybe", "/socket/x": "socket"}

    async with running_gateway(load(path)) as gateway:
        answers = [await gateway.ask(make_request(one, stranger)) for one in requests]
        own = [await gateway.ask(make_request("/team", one)) for one in (stranger, bearer())]
        main = await gateway.ask(make_request("/api/x", bearer(good_token())))

    assert [answer.status for answer in answers] == [status] * len(requests)
    assert [answer.status for answer in (*own, main)] == [200, 200, 200]
    if status == 403:
        assert {reason(answer) for answer in answers} == {"issuer_not_accepted"}
        asked = [request.target for request in service.requests]
        assert asked == [b"/team", b"/team", b"/api/x"]


async def test_the_report_mode_of_a_teams_issuer_opens_no_route_of_the_main_file(
    service: Service, tmp_path: Path
) -> None:
    """Anybody can write its name into a token that nobody signed."""
    path = write_team(tmp_path, "issuers")
    serve_by(path, service)
    team = tmp_path / "team.yaml"
    team.write_text(team.read_text().replace("issuer: ", "mode: report\n    issuer: "))
    forged = bearer(make_token(iss=TEAM)[:-8] + b"AAAAAAAA")

    async with running_gateway(load(path)) as gateway:
        refused = await gateway.ask(make_request("/admin/x", forged))
        own = await gateway.ask(make_request("/team", forged))

    assert (refused.status, own.status) == (401, 200)
    assert [request.target for request in service.requests] == [b"/team"]


def test_no_section_reads_the_environment_into_what_services_are_sent(tmp_path: Path) -> None:
    rewrite = {"request_headers": {"set": {"X-Stolen": "${SECRET}"}}}
    match = {"path": "/team"}
    route = {"name": "team", "match": match, "upstream": "main", "public": True, "rewrite": rewrite}
    path = write_team(tmp_path, "issuers", routes=[route])

    outcome = load_settings(path, {"SECRET": SECRET})

    assert isinstance(outcome, Rejected)
    assert [fault.code for fault in outcome.faults] == ["not_granted"]
    assert SECRET not in str(outcome)
