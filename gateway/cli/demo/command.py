"""Run a development issuer, three services and the gateway on one machine."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
import uvloop

from gateway.cli.demo.exchanges import (
    EXCHANGES,
    all_as_expected,
    curl_line,
    outcomes_as_json,
    print_outcomes,
    rows_of,
    send_all,
    short_curl_line,
    token_lines,
)
from gateway.cli.demo.parts import (
    DemoConfigError,
    Ports,
    PortTakenError,
    RunningDemo,
    config_path,
    demo_running,
)
from gateway.cli.demo.visit import visit
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.options import is_json, json_option
from gateway.cli.output import print_faults, show_progress
from gateway.cli.token.mint import DEFAULT_ISSUER_URL, request_token
from gateway.issuer.paths import JOBS_KEY_PATH, ROTATE_PATH
from gateway.issuer.personas import PERSONAS
from gateway.settings.values.configuration import AccessLogTarget

# The ports in config/demo.yaml, by the part of the demo that listens there.
DEFAULT_PORTS = Ports(gateway=8080, admin=9901, issuer=9000, orders=9001, invoices=9002, app=9003)

_PORT = click.IntRange(0, 65_535)


@click.command("demo")
@click.option(
    "--once", is_flag=True, help="Send the example requests, print the outcome, exit with 0 or 1."
)
@click.option("--port", "gateway", type=_PORT, default=DEFAULT_PORTS.gateway, show_default=True)
@click.option("--admin-port", "admin", type=_PORT, default=DEFAULT_PORTS.admin, show_default=True)
@click.option(
    "--issuer-port", "issuer", type=_PORT, default=DEFAULT_PORTS.issuer, show_default=True
)
@click.option(
    "--orders-port", "orders", type=_PORT, default=DEFAULT_PORTS.orders, show_default=True
)
@click.option(
    "--invoices-port", "invoices", type=_PORT, default=DEFAULT_PORTS.invoices, show_default=True
)
@click.option("--app-port", "app", type=_PORT, default=DEFAULT_PORTS.app, show_default=True)
@click.option(
    "--free-ports", is_flag=True, help="Listen on free ports, except where an option names one."
)
@json_option
@click.pass_context
def command(context: click.Context, /, once: bool, free_ports: bool, **ports: int) -> None:
    """Run a development issuer, three services and the gateway in front of them.

    Print where to log in, and curl commands to try, and run until interrupted. With --once, send
    those requests itself, on free ports, and print the expected and the actual responses.
    """
    if free_ports:
        is_named = {name: context.get_parameter_source(name) for name in ports}
        default = click.core.ParameterSource.DEFAULT
        ports = {name: 0 if is_named[name] is default else ports[name] for name in ports}
    try:
        shows_json = is_json()
        status = uvloop.run(_send_once(shows_json) if once else _serve(Ports(**ports), shows_json))
    except DemoConfigError as error:
        print_faults(error.faults)
        sys.exit(EXIT_NEGATIVE)
    except PortTakenError as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(EXIT_ENVIRONMENT)
    sys.exit(status)


async def _send_once(shows_json: bool) -> int:
    # Free ports: the check must not clash with a running demo.
    with show_progress("sending the requests of the demo"):
        async with demo_running(Ports(), access_log=AccessLogTarget.NONE) as demo:
            outcomes = await send_all(demo.gateway, await _ask_for_tokens(demo.issuer))
            rows = [*rows_of(outcomes), *await visit(demo)]
    if shows_json:
        click.echo(outcomes_as_json(rows))
    else:
        print_outcomes(rows)
    return 0 if all_as_expected(rows) else EXIT_NEGATIVE


async def _serve(ports: Ports, shows_json: bool) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with demo_running(ports) as demo:
        click.echo(
            f"gateway: the issuer at {demo.issuer} is for development only: anyone gets tokens",
            err=True,
        )
        if shows_json:
            click.echo(introduction_as_json(demo, await _ask_for_tokens(demo.issuer)))
        else:
            click.echo(introduction(demo))
        await ended.wait()
    return 0


async def _ask_for_tokens(issuer: str) -> dict[str, str]:
    """Request a token of each persona as any client would."""
    tokens = {}
    for persona in PERSONAS.values():
        tokens[persona.name] = await asyncio.to_thread(request_token, issuer, persona, {})
    return tokens


def introduction(demo: RunningDemo) -> str:
    """Return what the demo prints: where everything listens, and commands to paste."""
    option = "" if demo.issuer == DEFAULT_ISSUER_URL else f" --issuer-url {demo.issuer}"
    lines = [
        "JWT Gateway demo: for development only, on loopback only.",
        "",
        f"  gateway   {demo.gateway}  configured in {_shown_config_path()}",
        f"  admin     {demo.admin}/status",
        f"  issuer    {demo.issuer}  issues tokens to anyone",
        f"  services  {demo.orders} and {demo.invoices}  echo each request",
        f"  pages     {demo.app}  have no token",
        "",
        f"Log in with a browser: {demo.site}/app/",
        "",
        "# in another terminal: this gateway's commands, and a token of each user",
        *_path_line(),
        *token_lines(option),
        "",
    ]
    for exchange in EXCHANGES:
        lines += [
            f"# {exchange.title}: {exchange.expected}",
            short_curl_line(exchange, demo.gateway),
            "",
        ]
    lines += [
        *_other_clients(demo.issuer),
        "# a new key to sign tokens with",
        f"curl -X POST {demo.issuer}{ROTATE_PATH}",
        "",
        "Ctrl-C ends the demo.",
    ]
    return "\n".join(lines)


def _path_line() -> list[str]:
    """Return the command with which a shell finds this gateway, if it would find another or none.

    That is so in a checkout, where it runs in an environment that nobody has activated.
    """
    program = Path(sys.executable).with_name("gateway")
    found = shutil.which("gateway")
    if not program.exists() or (found is not None and Path(found).absolute() == program):
        return []
    folder, here = program.parent, Path.cwd()
    shown = f"$PWD/{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)
    return [f'export PATH="{shown}:$PATH"']


def introduction_as_json(demo: RunningDemo, tokens: Mapping[str, str]) -> str:
    """Return the same as JSON: the origin of each part, and a command for each request."""
    requests = [
        {
            "what": exchange.title,
            "expected": exchange.expected,
            "command": curl_line(exchange, demo.gateway, tokens),
        }
        for exchange in EXCHANGES
    ]
    members = {**asdict(demo), "config": str(config_path()), "requests": requests}
    return json.dumps(members, indent=2)


def _other_clients(issuer: str) -> list[str]:
    get = "gateway token get"
    return [
        "# a token for a native app, a television, and a job with a key of its own",
        f"ISSUER={issuer}",
        f"{get} code --issuer $ISSUER --client-id cli --scope orders:read",
        f"{get} device --issuer $ISSUER --client-id tv --scope orders:read",
        f"curl -s $ISSUER{JOBS_KEY_PATH} |",
        f"  {get} client --issuer $ISSUER --client-id jobs --key -",
        "",
    ]


def _shown_config_path() -> str:
    here = os.path.relpath(config_path())
    return str(config_path()) if here.startswith(os.pardir) else here
