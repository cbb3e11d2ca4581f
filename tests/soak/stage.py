"""The installed gateway, as a process of its own, in front of the services of a soak."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.proxy.gateways import make_token, write_config
from tests.soak.fleet import Fleet
from tests.soak.long_wire import PATIENCE_SECONDS
from tests.soak.plan import EXPIRED, FORGED, WEAK
from tests.soak.requests import Tokens

IDLE_SECONDS: Final = 2

_HOURS: Final = 3 * 3600
# All that the gateway may say on stderr; the access log is on stdout.
_SAID: Final = re.compile(
    r"gateway: (listening on|admin on|draining).*"
    r"|(gateway: )?upstream shaky: 127\.0\.0\.1:\d+ is (ejected for .*|used again)"
    # Some services of the soak do, and it is told of each of them once.
    r"|(gateway: )?upstream \w+: 127\.0\.0\.1:\d+ sends a body with responses that have none .*"
)


def routes() -> list[dict[str, Any]]:
    """Return a route of each kind, to the steady and to the shaky services."""
    return [
        _route("steady", "steady", require={"scopes": ["api:read"]}),
        _route("shaky", "shaky", require={"scopes": ["api:read"]}),
        _route("open", "steady", public=True),
        _route("admin", "steady", require={"scopes": ["admin"]}),
        _route("socket", "steady", require={}, upgrades=["websocket"]),
        _route("shaky-socket", "shaky", require={}, upgrades=["websocket"]),
    ]


def _route(name: str, upstream: str, **rest: Any) -> dict[str, Any]:
    return {"name": name, "match": {"path_prefix": f"/{name}/"}, "upstream": upstream, **rest}


def make_tokens() -> Tokens:
    """Return tokens that outlast the run, and some that never were good."""
    now = int(time.time())
    good = tuple(make_token(exp=now + _HOURS, sub=f"user-{at}", jti=f"{at}") for at in range(50))
    head, _, signature = good[0].rpartition(b".")
    forged = head + b"." + signature[::-1]
    expired = make_token(iat=now - 2 * _HOURS, exp=now - _HOURS)
    weak = make_token(scope="other", exp=now + _HOURS)
    return Tokens(good, {FORGED: forged, EXPIRED: expired, WEAK: weak})


class GatewayProcess:
    """``gateway run`` on a configuration file, in *folder*."""

    def __init__(self, config: Path, folder: Path) -> None:
        self.access_log = folder / "access.log"
        self._errors = folder / "errors.log"
        command = [str(Path(sys.executable).with_name("gateway")), "run", str(config)]
        with self.access_log.open("wb") as out, self._errors.open("wb") as err:
            self._process = subprocess.Popen(command, stdout=out, stderr=err)
        self.address = ("", 0)
        self._admin = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self._errors.read_text(errors="replace")

    @property
    def cpu_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def __aenter__(self) -> Self:
        try:
            host, port = (await self._wait_said(r"listening on (\S+):([0-9]+)\n")).groups()
            self.address = (host, int(port))
            self._admin = (await self._wait_said(r"admin on (\S+)\n"))[1]
        except BaseException:
            self.kill()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    async def _wait_said(self, pattern: str) -> re.Match[str]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := re.search(pattern, self.said)) is None:
                assert self._process.poll() is None, self.said
                await asyncio.sleep(0.02)
        return found

    async def metric(self, name: str) -> float:
        """Return one sample of ``/metrics``."""
        return (await self.metrics())[name]

    async def metrics(self) -> Mapping[str, float]:
        """Return every sample of ``/metrics``."""
        text = await asyncio.to_thread(self._get, f"http://{self._admin}/metrics")
        samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    async def config_status(self) -> Mapping[str, Any]:
        """Return what ``/status`` says of the configuration."""
        text = await asyncio.to_thread(self._get, f"http://{self._admin}/status")
        config: Mapping[str, Any] = json.loads(text)["config"]
        return config

    def hang_up(self) -> None:
        """Send it HUP."""
        self._process.send_signal(signal.SIGHUP)

    async def reload(self) -> Mapping[str, Any]:
        """Have it read its configuration again; return what it answers."""
        request = urllib.request.Request(
            f"http://{self._admin}/reload", b"{}", {"Content-Type": "application/json"}
        )
        answer: Mapping[str, Any] = json.loads(await asyncio.to_thread(self._get, request))
        return answer

    @staticmethod
    def _get(url: str | urllib.request.Request) -> str:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    async def stop(self) -> int:
        """Tell it to end; return its exit status."""
        self._process.terminate()
        return await asyncio.to_thread(self._process.wait, PATIENCE_SECONDS)

    def kill(self) -> None:
        """End it, however it fares."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def unexpected(self) -> list[str]:
        """Return the lines on stderr that a gateway in health never writes."""
        return [line for line in self.said.splitlines() if not _SAID.fullmatch(line)]


def config_for(folder: Path, fleet: Fleet, changes: Mapping[str, Any] | None = None) -> Path:
    """Write the configuration of a soak into *folder*."""

    def upstream(servers: Sequence[str]) -> dict[str, Any]:
        return {"servers": list(servers), "idle_timeout": f"{IDLE_SECONDS}s"}

    sections = {
        "access_log": "stdout",
        # Few enough for every machine's limit of open files, of which a start warns.
        "limits": {"connections": 1000},
        "routes": routes(),
        "upstreams": {
            "steady": upstream([fleet.steady.url]),
            "shaky": upstream([service.url for service in fleet.shaky]),
        },
    }
    return write_config(folder, [], sections | dict(changes or {}))
