"""Serve the pages of the demo's web application, as any service of static files would."""

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

_FOLDER = Path(__file__).parent

# The paths as the gateway forwards them, each with its file and its type.
_FILES: Mapping[str, tuple[str, str]] = {
    "/": ("home.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/app/": ("app.html", "text/html"),
    "/app/app.js": ("app.js", "text/javascript"),
    "/app/vault": ("vault.html", "text/html"),
}

# What a page may load and where it may send something is the application's affair,
# also behind a gateway that keeps its tokens.
_FIELDS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def web_application() -> web.Application:
    """Return the application: a page for everybody, and one for who is logged in."""
    application = web.Application()
    for path, (name, content_type) in _FILES.items():
        application.router.add_get(path, _serve((_FOLDER / name).read_text(), content_type))
    return application


def _serve(text: str, content_type: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type, headers=_FIELDS)

    return answer
