"""Decide where a browser may go after a login: to a page of the same origin, nowhere else."""

from typing import Final

from gateway.decision.path import path_segments, split_path
from gateway.decision.verdict import Deny

# It travels in a cookie, sealed, with the rest of a login under way.
MAX_BYTES: Final = 2048


def check_return_to(text: str, prefix: str) -> str:
    r"""Return *text* if it is a path with an optional query on the same origin, else ``/``.

    Browsers read ``//host``, ``/\\host`` and ``/<tab>/host`` as another host: an open redirector
    (RFC 9700 §4.11, CVE-2021-32786). A path below *prefix*, where logins themselves are, would
    begin the next login, for ever.
    """
    if len(text) > MAX_BYTES or not text.startswith("/") or text.startswith("//"):
        return "/"
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text or "#" in text:
        return "/"
    path = split_path(text.encode("ascii"))
    if isinstance(path_segments(path), Deny) or path.startswith(f"{prefix}/".encode("ascii")):
        return "/"
    return text
