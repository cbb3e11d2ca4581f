"""Log in at a proxy as a browser does, and return the cookies of the session."""

import http.client
from urllib.parse import urlsplit

from benchmarks.load import PATIENCE_SECONDS, WrongAnswerError
from benchmarks.peers import Peer

# What a browser sends as it opens a page (Fetch Metadata Request Headers).
NAVIGATION = {
    "Accept": "text/html",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "none",
}
MOST_REDIRECTS = 8


def log_in(peer: Peer, path: str) -> str:
    """Open *path* at *peer*, follow redirects until it is shown; return the Cookie field.

    Cookies are kept by port, for all servers here are on one host, which a browser would take
    for one. Raise WrongAnswerError unless the login ends at *path* with 200.
    """
    cookies: dict[int, dict[str, str]] = {}
    url = peer.address(path)
    for _ in range(MOST_REDIRECTS):
        parts = urlsplit(url)
        port = parts.port or 80
        jar = cookies.setdefault(port, {})
        status, location = _open(url, port, jar)
        if status == 200 and parts.path == path:
            return as_field(cookies[peer.port])
        if status not in (302, 303, 307):
            raise WrongAnswerError(f"{peer.name} answered {status} during the login")
        url = location if "://" in location else f"{parts.scheme}://{parts.netloc}{location}"
    raise WrongAnswerError(f"{peer.name} redirected {MOST_REDIRECTS} times during the login")


def as_field(jar: dict[str, str]) -> str:
    """Return the value of the Cookie field for the cookies of *jar*."""
    return "; ".join(f"{name}={value}" for name, value in jar.items())


def _open(url: str, port: int, jar: dict[str, str]) -> tuple[int, str]:
    """Request *url*, keep its cookies in *jar*; return the status and Location."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        fields = NAVIGATION | ({"Cookie": as_field(jar)} if jar else {})
        connection.request("GET", target, headers=fields)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    for line in answer.headers.get_all("Set-Cookie", []):
        keep_cookie(line, jar)
    return answer.status, answer.headers.get("Location", "")


def keep_cookie(line: str, jar: dict[str, str]) -> None:
    """Apply one Set-Cookie field to *jar*: an expired cookie is removed."""
    pair, *attributes = line.split(";")
    name, _, value = pair.strip().partition("=")
    lowered = [attribute.strip().lower() for attribute in attributes]
    if "max-age=0" in lowered or any("1970" in one for one in lowered if one[:8] == "expires="):
        jar.pop(name, None)
    else:
        jar[name] = value
