"""OpenAPI descriptions for tests."""

from pathlib import Path

from gateway.openapi.api import Api
from gateway.openapi.read_api import read_api
from gateway.settings.text.fault import Fault

SHOP = """\
openapi: 3.1.0
info: {title: Shop, version: 2026-01-01}
servers:
  - url: https://api.shop.example/v1
security:
  - login: [orders:read]
paths:
  /orders:
    get:
      operationId: listOrders
      responses: {200: {description: OK}}
    post:
      security:
        - login: [orders:write]
        - login: [orders:admin]
  /orders/{order-id}:
    parameters:
      - {name: order-id, in: path, required: true, schema: {type: string}}
    get: {}
    delete:
      security: [{login: [orders:write, orders:read]}]
  /health:
    get: {security: []}
  /prices:
    get: {security: [{}, {login: []}]}
  /reports:
    get: {security: [{key: []}]}
components:
  securitySchemes:
    login: {type: openIdConnect, openIdConnectUrl: "https://login.example.com/c"}
    key: {type: apiKey, in: header, name: X-Key}
"""


def read(text: str, file: str = "api.yaml") -> Api:
    """Return the description in *text*, which must have no faults."""
    found = read_api(text.encode(), file)
    assert isinstance(found, Api), found
    return found


def faults_of(text: str, file: str = "api.yaml") -> list[str]:
    """Return the faults of *text* as they are printed."""
    found = read_api(text.encode(), file)
    assert not isinstance(found, Api)
    assert all(isinstance(fault, Fault) for fault in found)
    return [str(fault) for fault in found]


def write(directory: Path, text: str = SHOP) -> Path:
    """Return a file in *directory* that holds *text*."""
    path = directory / "api.yaml"
    path.write_text(text)
    return path


def with_paths(paths: str, rest: str = "") -> str:
    """Return a description with *paths*, each line indented once, and a scheme for tokens."""
    lines = "".join(f"  {line}\n" for line in paths.splitlines())
    schemes = "components: {securitySchemes: {login: {type: http, scheme: bearer}}}\n"
    return f"openapi: 3.0.3\n{schemes}{rest}paths:\n{lines}"
