"""Start and stop the parts of the demo: the issuer, two services and the gateway."""

import dataclasses
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import gateway
from gateway.app import Gateway
from gateway.issuer.echo import echo_application
from gateway.issuer.endpoints import Endpoints, IssuerTerms
from gateway.issuer.listening import bind_loopback, origin, origin_of, serving
from gateway.issuer.signing_keys import SigningAlgorithm
from gateway.settings.load import Rejected, load_settings
from gateway.settings.text.fault import Fault
from gateway.settings.values.configuration import AccessLogTarget, Settings

HOST = "127.0.0.1"
AUDIENCE = "demo-api"


class PortTakenError(Exception):
    """A port of the demo is in use; the message says which, and what to do."""


class DemoConfigError(Exception):
    """The demo's own configuration was changed and is invalid."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("the demo's configuration is invalid")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Ports:
    """The port of each part of the demo; 0 for a free one."""

    gateway: int = 0
    admin: int = 0
    issuer: int = 0
    orders: int = 0
    invoices: int = 0


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """The origin of each running part."""

    gateway: str
    admin: str
    issuer: str
    orders: str
    invoices: str


@asynccontextmanager
async def demo_running(
    ports: Ports, access_log: AccessLogTarget | None = None
) -> AsyncIterator[RunningDemo]:
    """Run all parts within the block; *access_log* overrides the one in the file.

    Raise PortTakenError or DemoConfigError.
    """
    async with AsyncExitStack() as stack:
        bound = {
            "issuer": stack.enter_context(_bind("issuer", ports.issuer)),
            "orders": stack.enter_context(_bind("orders", ports.orders)),
            "invoices": stack.enter_context(_bind("invoices", ports.invoices)),
        }
        issuer = origin_of(bound["issuer"])
        endpoints = Endpoints(issuer, _terms())
        await stack.enter_async_context(serving(endpoints.application(), bound["issuer"]))
        for name in ("orders", "invoices"):
            await stack.enter_async_context(serving(echo_application(name), bound[name]))
        settings = _load(ports, bound, access_log)
        running = await stack.enter_async_context(_gateway_running(settings))
        yield RunningDemo(
            gateway=origin(*running.data_address),
            admin=origin(*(running.admin_address or (HOST, 0))),
            issuer=issuer,
            orders=origin_of(bound["orders"]),
            invoices=origin_of(bound["invoices"]),
        )


def config_path() -> Path:
    """Return the path of the demo's configuration, in the installed package or the checkout."""
    package = Path(gateway.__file__).parent
    installed = package / "config" / "demo.yaml"
    return installed if installed.exists() else package.parent / "config" / "demo.yaml"


def _terms() -> IssuerTerms:
    return IssuerTerms(SigningAlgorithm.ES256, AUDIENCE, time.time, lambda: str(uuid.uuid4()))


def _bind(name: str, port: int) -> socket:
    try:
        return bind_loopback(HOST, port)
    except OSError as error:
        raise PortTakenError(
            f"{HOST}:{port}: {error.strerror}; choose another port with --{name}-port"
        ) from None


def _load(
    ports: Ports, bound: Mapping[str, socket], access_log: AccessLogTarget | None
) -> Settings:
    environ = {
        "DEMO_PORT": str(ports.gateway),
        "DEMO_ADMIN_PORT": str(ports.admin),
        **{f"DEMO_{name.upper()}_PORT": str(one.getsockname()[1]) for name, one in bound.items()},
    }
    outcome = load_settings(config_path(), environ)
    if isinstance(outcome, Rejected):
        raise DemoConfigError(outcome.faults)
    if access_log is None:
        return outcome.settings
    return dataclasses.replace(outcome.settings, access_log=access_log)


@asynccontextmanager
async def _gateway_running(settings: Settings) -> AsyncIterator[Gateway]:
    running = Gateway(settings)
    try:
        try:
            await running.start()
        except OSError as error:
            raise PortTakenError(
                f"{error.strerror}; choose other ports with --port and --admin-port"
            ) from None
        yield running
    finally:
        await running.stop()
