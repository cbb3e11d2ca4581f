"""Start and stop the parts of the demo: the issuer, the services and the gateway."""

import dataclasses
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import socket

import gateway
from gateway.app import Gateway
from gateway.issuer.clients import WEB_SECRET
from gateway.issuer.echo import echo_application
from gateway.issuer.endpoints import Endpoints, IssuerTerms
from gateway.issuer.listening import bind_loopback, origin, origin_of, serving
from gateway.issuer.signing_keys import SigningAlgorithm
from gateway.issuer.web_app.service import web_application
from gateway.proxy.listener.acceptor import BACKLOG
from gateway.settings.load import Rejected, load_settings
from gateway.settings.text.fault import Fault
from gateway.settings.values.configuration import AccessLogTarget, Settings

HOST = "127.0.0.1"

# Browsers keep cookies by host, whatever the port: so the issuer and the gateway need two names.
SITE_HOST = "localhost"
AUDIENCE = "demo-api"


class PortTakenError(Exception):
    """Ports of the demo are in use; the message says which, and what to do."""


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
    app: int = 0


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """The origin of each running part; *site* is that of the gateway as browsers open it."""

    gateway: str
    site: str
    admin: str
    issuer: str
    orders: str
    invoices: str
    app: str


@asynccontextmanager
async def demo_running(
    ports: Ports, access_log: AccessLogTarget | None = None
) -> AsyncIterator[RunningDemo]:
    """Run all parts within the block; *access_log* overrides the one in the file.

    Raise PortTakenError or DemoConfigError.
    """
    async with AsyncExitStack() as stack:
        # The gateway's as well: its configuration names the port, for browsers come back to it.
        bound = _bind_all(ports, stack)
        issuer = origin_of(bound["issuer"])
        endpoints = Endpoints(issuer, _terms())
        await stack.enter_async_context(serving(endpoints.application(), bound["issuer"]))
        for name in ("orders", "invoices"):
            await stack.enter_async_context(serving(echo_application(name), bound[name]))
        await stack.enter_async_context(serving(web_application(), bound["app"]))
        settings = _load(ports, bound, access_log)
        running = await stack.enter_async_context(_gateway_running(settings, bound["gateway"]))
        port = running.data_address[1]
        yield RunningDemo(
            gateway=origin(HOST, port),
            site=origin(SITE_HOST, port),
            admin=origin(*(running.admin_address or (HOST, 0))),
            issuer=issuer,
            orders=origin_of(bound["orders"]),
            invoices=origin_of(bound["invoices"]),
            app=origin_of(bound["app"]),
        )


def config_path() -> Path:
    """Return the path of the demo's configuration, in the installed package or the checkout."""
    package = Path(gateway.__file__).parent
    installed = package / "config" / "demo.yaml"
    return installed if installed.exists() else package.parent / "config" / "demo.yaml"


def _terms() -> IssuerTerms:
    return IssuerTerms(SigningAlgorithm.ES256, AUDIENCE, time.time, lambda: str(uuid.uuid4()))


def _bind_all(ports: Ports, stack: AsyncExitStack) -> dict[str, socket]:
    """Bind the port of each part, until *stack* ends; raises PortTakenError, for all at once.

    That of the admin port is bound again later: the gateway does that itself.
    """
    bound: dict[str, socket] = {}
    taken: dict[str, list[str]] = {}  # by what is wrong
    for name, port in asdict(ports).items():
        try:
            bound[name] = bind_loopback(HOST, port)
        except OSError as error:
            option = "--port" if name == "gateway" else f"--{name}-port"
            taken.setdefault(str(error.strerror), []).append(f"{port} ({option})")
        else:
            stack.enter_context(bound[name])
    if taken:
        why = "; ".join(f"{error}: {', '.join(which)}" for error, which in taken.items())
        raise PortTakenError(f"{HOST}: {why}; choose other ports, or take free ones: --free-ports")
    bound.pop("admin").close()
    return bound


def _load(
    ports: Ports, bound: Mapping[str, socket], access_log: AccessLogTarget | None
) -> Settings:
    environ = {
        "DEMO_ADMIN_PORT": str(ports.admin),
        "DEMO_WEB_SECRET": WEB_SECRET,
        **{f"DEMO_{name.upper()}_PORT": str(one.getsockname()[1]) for name, one in bound.items()},
    }
    outcome = load_settings(config_path(), environ)
    if isinstance(outcome, Rejected):
        raise DemoConfigError(outcome.faults)
    if access_log is None:
        return outcome.settings
    return dataclasses.replace(outcome.settings, access_log=access_log)


@asynccontextmanager
async def _gateway_running(settings: Settings, bound: socket) -> AsyncIterator[Gateway]:
    bound.listen(BACKLOG)
    running = Gateway(settings, sockets=[[bound]])
    try:
        try:
            await running.start()
        except OSError as error:
            raise PortTakenError(
                f"{error.strerror}; choose another port with --admin-port"
            ) from None
        yield running
    finally:
        await running.stop()
