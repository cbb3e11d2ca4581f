"""``gateway token get``, as it is installed, at the real provider and at the demo's issuer.

Each token goes through a gateway to a service, which sees whose it is, and is refused where its
scopes do not reach.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.cli.demo.parts import Ports, demo_running
from gateway.cli.token.inspect import Inspection, inspect_token
from gateway.settings.values.configuration import AccessLogTarget
from tests.assertion.callers import signing_key, signing_pem
from tests.end_to_end.conftest import (
    AUDIENCE,
    Provider,
    running_gateway,
    running_service,
)
from tests.end_to_end.person import Person, make_browser
from tests.hanging import LIMIT_SECONDS
from tests.keyring.peers import until

GATEWAY = str(Path(sys.executable).with_name("gateway"))
ADDRESS = rb"browser on this machine, within 60 seconds:\n\n  (\S+)\n\n"
DEVICE = rb"on any device:\n\n  (\S+)\n\nand enter the code:\n\n  (\S+)\n\n"
SHOP_SECRET = "shop-secret-of-the-end-to-end-tests"
KEY = {"clients": {"shop-key": {"jwks": {"keys": [dict(signing_key("ES256").public_jwk)]}}}}


@dataclass(frozen=True)
class Place:
    """An issuer, a gateway that believes it, and who asks there."""

    issuer: str
    data: str
    options: tuple[str, ...]
    clients: dict[str, tuple[str, ...]]  # options of a client, by how it authenticates
    client_id: str  # of the app
    subjects: dict[str, str]  # who a token of a client is about
    environ: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def provider_place(
    provider_modules: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("provider-place")
    (folder / "key.pem").write_bytes(signing_pem("ES256"))
    (folder / "secret").write_text("shop-post-secret-of-the-end-to-end-tests\n")
    provider = Provider(folder, KEY)
    provider.start()
    try:
        with (
            running_service(folder) as service,
            running_gateway(folder, service, provider.issuer) as gateway,
        ):
            yield Place(
                provider.issuer,
                gateway.data,
                ("--resource", AUDIENCE),
                {
                    "basic": ("--client-id", "shop", "--client-secret-env", "SHOP_SECRET"),
                    "post": (
                        *("--client-id", "shop-post", "--client-auth", "post"),
                        *("--client-secret-file", str(folder / "secret")),
                    ),
                    "private_key_jwt": (
                        *("--client-id", "shop-key", "--key", str(folder / "key.pem")),
                    ),
                },
                "native",
                {"basic": "shop", "post": "shop-post", "private_key_jwt": "shop-key"},
                {"SHOP_SECRET": SHOP_SECRET},
            )
    finally:
        provider.stop()


@asynccontextmanager
async def demo_place(folder: Path) -> AsyncIterator[Place]:
    async with (
        demo_running(Ports(), access_log=AccessLogTarget.NONE) as demo,
        ClientSession() as client,
    ):
        async with client.get(demo.issuer + "/jobs-key.pem") as answer:
            (folder / "jobs.pem").write_bytes(await answer.read())
        (folder / "secret").write_text("alice-secret")
        yield Place(
            demo.issuer,
            demo.gateway,
            (),
            {
                "basic": ("--client-id", "alice-client", "--client-secret-env", "ALICE_SECRET"),
                "post": (
                    *("--client-id", "alice-client", "--client-auth", "post"),
                    *("--client-secret-file", str(folder / "secret")),
                ),
                "private_key_jwt": (*("--client-id", "jobs", "--key", str(folder / "jobs.pem")),),
            },
            "cli",
            {"basic": "alice", "post": "alice", "private_key_jwt": "jobs"},
            {"ALICE_SECRET": "alice-secret"},
        )


@pytest.fixture(params=["provider", "demo"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "provider":
        yield request.getfixturevalue("provider_place")
        return
    async with demo_place(tmp_path) as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with make_browser() as made:
        yield made


class Command:
    """A running ``gateway token get``, and all that it has said on stderr."""

    def __init__(self, process: asyncio.subprocess.Process, secrets: Sequence[str]) -> None:
        self._process = process
        self._secrets = secrets
        self.said = b""

    async def wait_for(self, pattern: bytes) -> re.Match[bytes]:
        """Return the first match of *pattern* in what it says."""
        assert self._process.stderr is not None
        async with asyncio.timeout(LIMIT_SECONDS):
            while (found := re.search(pattern, self.said)) is None:
                piece = await self._process.stderr.read(4096)
                assert piece, f"never said {pattern!r}: {self.said!r}"
                self.said += piece
        return found

    async def finish(self, given: bytes = b"") -> tuple[int, bytes]:
        """Return its exit code and what it printed; no secret is in what it said."""
        async with asyncio.timeout(LIMIT_SECONDS):
            printed, rest = await self._process.communicate(given)
        self.said += rest
        # Two segments: three letters alone may begin any random value.
        assert re.search(rb"eyJ[\w-]{8,}\.[\w-]{8,}", self.said) is None
        assert not [secret for secret in self._secrets if secret.encode() in self.said]
        assert self._process.returncode is not None
        return self._process.returncode, printed


@asynccontextmanager
async def running(place: Place, *arguments: str) -> AsyncIterator[Command]:
    process = await asyncio.create_subprocess_exec(
        *(GATEWAY, "token", "get", *arguments, "--issuer", place.issuer, *place.options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **place.environ},
    )
    try:
        yield Command(process, list(place.environ.values()))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def output(place: Place, *arguments: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
    async with running(place, *arguments) as command:
        code, printed = await command.finish(given)
        return code, printed, command.said


async def assert_reaches_what_it_may(place: Place, token: str, subject: str) -> None:
    """Check that a token for `orders:read` reads orders as *subject*, and writes none."""
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession() as client:
        async with client.get(place.data + "/orders/42", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            assert subject_of(await answer.json()) == subject
        async with client.post(place.data + "/orders/42", headers=headers, data=b"x") as answer:
            problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, problem["reason"]) == (403, "scope_missing")


def subject_of(seen: Any) -> str:
    """Return who the service saw: nginx tells it itself, the demo's services echo."""
    if "subject" in seen:
        return str(seen["subject"])
    return str({name.lower(): value for name, value in seen["headers"]}["x-gateway-subject"])


@pytest.mark.parametrize("method", ["basic", "post", "private_key_jwt"])
async def test_a_program_gets_a_token_with_its_credentials(method: str, place: Place) -> None:
    code, printed, said = await output(
        place, "client", "--scope", "orders:read", *place.clients[method]
    )

    assert (code, said) == (0, b"")
    assert printed.count(b"\n") == 1
    await assert_reaches_what_it_may(place, printed.decode().strip(), place.subjects[method])


async def test_credentials_that_the_issuer_refuses_are_a_negative_result(place: Place) -> None:
    """6749.8: nothing on stdout, and one line without the credentials on stderr."""
    options = [word for word in place.clients["basic"] if not word.startswith("--client-secret")]
    wrong = [*options[:-1], "--client-secret-env", "HOME"]

    code, printed, said = await output(place, "client", *wrong)

    assert (code, printed) == (1, b"")
    assert b"invalid_client" in said
    assert said.count(b"\n") == 1
    assert os.environ["HOME"].encode() not in said.replace(place.issuer.encode(), b"")


async def tokens_by_code(place: Place, browser: ClientSession, name: str) -> Any:
    arguments = ("code", "--client-id", place.client_id, "--format", "json")
    async with running(
        place, *arguments, "--scope", "openid orders:read offline_access"
    ) as command:
        address = (await command.wait_for(ADDRESS))[1].decode()
        back = await Person(browser, place.issuer, name).visit(address)
        async with browser.get(back) as answer:
            assert answer.status == 200
            assert "Go back to the terminal" in await answer.text()
        code, printed = await command.finish()
        assert code == 0, command.said
    return json.loads(printed)


async def test_an_app_gets_tokens_by_code_and_new_ones_by_refresh(
    place: Place, browser: ClientSession, tmp_path: Path
) -> None:
    """8252.1, 7636.3, 9207.2, 9700.15: the refresh token comes on stdin, then in a file."""
    tokens = await tokens_by_code(place, browser, "alice")
    await assert_reaches_what_it_may(place, tokens["access_token"], "alice")

    refresh = ("refresh", "--client-id", place.client_id, "--format", "json")
    given = tokens["refresh_token"].encode() + b"\n"
    code, printed, said = await output(place, *refresh, given=given)
    assert (code, said) == (0, b"")
    second = json.loads(printed)
    assert second["refresh_token"] != tokens["refresh_token"]
    await assert_reaches_what_it_may(place, second["access_token"], "alice")

    file = tmp_path / "refresh-token"
    file.write_text("of-nobody-" + tokens["refresh_token"][10:])
    code, printed, said = await output(place, *refresh, "--refresh-token-file", str(file))
    assert (code, printed) == (1, b"")
    assert b"invalid_grant" in said
    assert b"of-nobody" not in said


async def test_a_person_who_declines_is_a_negative_result(
    place: Place, browser: ClientSession
) -> None:
    arguments = ("code", "--client-id", place.client_id, "--scope", "openid orders:read")
    async with running(place, *arguments) as command:
        address = (await command.wait_for(ADDRESS))[1].decode()
        back = await Person(browser, place.issuer, "bob").visit(address, allow=False)
        async with browser.get(back) as answer:
            assert "No token was granted" in await answer.text()
        code, printed = await command.finish()

    assert (code, printed) == (1, b"")
    assert b"access_denied" in command.said


async def test_a_device_gets_a_token_once_a_person_has_entered_its_code(
    place: Place, browser: ClientSession
) -> None:
    """8628.1, 8628.3."""
    async with running(place, "device", "--client-id", "tv", "--scope", "orders:read") as command:
        found = await command.wait_for(DEVICE)
        address, user_code = found[1].decode(), found[2].decode()
        await command.wait_for(rb"waiting")
        assert "\u2588".encode() in command.said  # the QR code
        person = Person(browser, place.issuer, "alice")
        await person.visit(address, user_code=user_code)
        assert person.seen[-1] in {"Done", "Connected"}
        code, printed = await command.finish()

    assert code == 0, command.said
    token = printed.decode().strip()
    await assert_reaches_what_it_may(place, token, "alice")
    inspection = inspect_token(token.encode(), now=0)
    assert isinstance(inspection, Inspection)
    assert inspection.claims["client_id"] == "tv"


async def test_the_address_is_opened_in_the_browser_of_the_person(
    tmp_path: Path, browser: ClientSession
) -> None:
    """`BROWSER` is the convention of Python's webbrowser module, and of Debian."""
    script, opened = tmp_path / "browser", tmp_path / "opened"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" >{opened}.part && mv {opened}.part {opened}\n')
    script.chmod(0o755)
    async with demo_place(tmp_path) as place:
        place.environ["BROWSER"] = f"{script} %s"
        arguments = ("code", "--client-id", "cli", "--scope", "orders:read", "--open")
        async with running(place, *arguments) as command:
            address = (await command.wait_for(ADDRESS))[1].decode()
            await until(opened.exists)
            assert opened.read_text() == address
            back = await Person(browser, place.issuer).visit(address)
            async with browser.get(back) as answer:
                assert answer.status == 200
            code, printed = await command.finish()

        assert code == 0
        await assert_reaches_what_it_may(place, printed.decode().strip(), "alice")


@pytest.mark.parametrize(
    "arguments",
    [
        ("client", "--client-id", "shop", "--client-secret-env", "PATH"),
        ("device", "--client-id", "tv"),
    ],
)
async def test_no_issuer_is_an_error_of_the_environment(arguments: Sequence[str]) -> None:
    async with demo_running(Ports(), access_log=AccessLogTarget.NONE) as demo:
        gone = Place(demo.issuer, "", (), {}, "", {})

    code, printed, said = await output(gone, *arguments)

    assert (code, printed) == (3, b"")
    assert said.count(b"cannot connect") == 2  # both documents
    assert said.count(b"\n") == 1
