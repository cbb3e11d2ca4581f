"""Pages in a real browser read what `cors` lets them, and nothing else.

The page is served under two names of one machine, which are two origins.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.end_to_end.conftest import program
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import pytest_asyncio_loop_factories
from tests.proxy.gateways import load, make_token, running_gateway, write_config
from tests.proxy.messages import make_answer
from tests.proxy.service import running_service, serve

__all__ = ["pytest_asyncio_loop_factories"]

# Starting a browser takes a second on an idle machine.

PAGE = """<!doctype html><title>page</title><script>
async function ask([name, path, options]) {
  try {
    const answer = await fetch(GATEWAY + path, options);
    const text = await answer.text();
    let reason = null;
    try { reason = JSON.parse(text).reason; } catch {}
    const [total, secret] = ["x-total", "x-secret"].map((one) => answer.headers.get(one));
    const challenge = answer.headers.get("www-authenticate");
    return [name, {status: answer.status, reason, total, secret, challenged: challenge !== null}];
  } catch { return [name, "blocked"]; }
}
(async () => {
  const found = [];
  for (const one of CASES) found.push(await ask(one));
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


# What the URL standard leaves as it is in a query.
QUERY = "?x[]=1&y=100%&z={a|b}^`\\&%zz=%"


class Pages:
    """Serves the page, and takes what it found."""

    def __init__(self) -> None:
        self.text = ""
        self.found: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.port = 0

    async def show(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.text, content_type="text/html")

    async def take(self, request: web.Request) -> web.Response:
        self.found.put_nowait(dict(json.loads(await request.text())))
        return web.Response()


@asynccontextmanager
async def running_pages() -> AsyncIterator[Pages]:
    pages = Pages()
    app = web.Application()
    app.add_routes([web.get("/page", pages.show), web.post("/found", pages.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    pages.port = runner.addresses[0][1]
    try:
        yield pages
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_browser(folder: Path, url: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        program("chromium-headless-shell"),
        "--no-sandbox",  # which root cannot have
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--host-resolver-rules=MAP localhost 127.0.0.1",
        "--remote-debugging-port=0",  # or it would end behind the page's load
        f"--user-data-dir={folder}",
        url,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Debian's is a script, and the browser is many processes
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def route(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "match": {"path_prefix": f"/{name}/"}, "upstream": "main", **more}


READABLE = {"status": 200, "reason": None, "total": "7", "secret": None, "challenged": False}


def refused(status: int, reason: str) -> dict[str, Any]:
    return {"status": status, "reason": reason, "total": None, "secret": None, "challenged": True}


async def test_a_browser_reads_what_it_may_and_learns_why_it_may_not(tmp_path: Path) -> None:
    good, other = (f"Bearer {make_token(scope=one).decode()}" for one in ("api:read", "other"))
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("simple", "/open/x", {}),
        ("token", "/api/x", {"headers": {"Authorization": good}}),
        ("put", "/api/x", {"method": "PUT", "headers": {"Authorization": good}}),
        ("none", "/api/x", {}),
        ("less", "/api/x", {"headers": {"Authorization": other}}),
        ("field", "/api/x", {"headers": {"Authorization": good, "X-Other": "1"}}),
        ("cookies", "/api/x", {"credentials": "include"}),
        ("every", "/every/x", {}),
        ("silent", "/silent/x", {"method": "PUT"}),
        ("query", "/open/x" + QUERY, {}),
        ("path", "/api/a[1]|100%", {"method": "PUT", "headers": {"Authorization": good}}),
    ]
    async with running_pages() as pages, running_service() as service:
        own = (b"Access-Control-Allow-Origin: https://other.test", b"X-Total: 7", b"X-Secret: 8")
        service.script = serve(make_answer(b"hello", *own))
        origin = f"http://127.0.0.1:{pages.port}"
        expose = ["X-Total", "WWW-Authenticate"]
        routes = [
            route("open", public=True, cors={"origins": [origin], "expose": expose}),
            route(
                "api",
                require={"scopes": ["api:read"]},
                cors={"origins": [origin], "expose": [*expose]},
            ),
            route("every", public=True, cors={"origins": ["*"], "expose": [*expose]}),
            route("silent", public=True),
        ]
        path = write_config(tmp_path, [service.url], {"routes": routes})
        async with running_gateway(load(path)) as gateway:
            known = {"GATEWAY": "http://{}:{}".format(*gateway.address), "CASES": cases}
            script = "".join(
                f"const {name} = {json.dumps(value)};" for name, value in known.items()
            )
            pages.text = PAGE.replace("<script>", f"<script>{script}")
            found = []
            for host in ("127.0.0.1", "localhost"):
                url = f"http://{host}:{pages.port}/page"
                async with running_browser(tmp_path / host, url):
                    found.append(await asyncio.wait_for(pages.found.get(), LIMIT_SECONDS))

    ours, others = found
    assert ours == {
        "simple": READABLE,
        "token": READABLE,
        "put": READABLE,
        "none": refused(401, "token_missing"),
        "less": refused(403, "scope_missing"),
        "field": "blocked",
        "cookies": "blocked",
        "every": READABLE,
        "silent": "blocked",
        "query": READABLE,
        "path": {**refused(400, "path_rejected"), "challenged": False},
    }
    # A page that may read the answers of any route may read why a path is none.
    readable = {"every": READABLE, "path": {**refused(400, "path_rejected"), "challenged": False}}
    assert others == {name: readable.get(name, "blocked") for name, _, _ in cases}
    # Only what needs no preflight comes through for pages that may not read the answer.
    seen = [(one.method, one.target) for one in service.requests]
    # As the page wrote it: a browser escapes none of these in a query.
    assert (b"GET", b"/open/x" + QUERY.encode()) in seen
    assert seen.count((b"PUT", b"/api/x")) == 1
    assert (b"OPTIONS", b"/api/x") not in seen
    assert not [target for method, target in seen if method == b"PUT" and target != b"/api/x"]
