"""Parse a request's path: into canonical form, or a refusal."""

from typing import NamedTuple

from gateway.decision.reason import Reason
from gateway.decision.routes.segments import split_segments
from gateway.decision.verdict import Deny


class Path(NamedTuple):
    """A path in canonical form. *raw* is matched and forwarded; *segments* are decoded.

    ``/a/b/`` has the segments ``a``, ``b`` and the empty one; ``/`` has one empty segment.
    """

    raw: bytes
    segments: tuple[str, ...]


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query (with its ``?``, or empty) of an origin-form target."""
    path, mark, query = target.partition(b"?")
    return path, mark + query


def split_path(target: bytes) -> bytes:
    """Return the path of an origin-form target."""
    return target.partition(b"?")[0] if b"?" in target else target


def parse_path(raw: bytes) -> Path | Deny:
    """Return the canonical path, or the refusal ``path_rejected``.

    Refused rather than repaired: if two parsers can read a path differently, the service may read
    it in the other way (CVE-2019-9901, CVE-2021-29492). Unambiguous escapes are decoded for
    matching; *raw* stays as received.
    """
    segments = split_segments(raw)
    return _rejected(segments) if isinstance(segments, str) else Path(raw, segments)


def path_segments(path: bytes) -> tuple[str, ...] | Deny:
    """Return the decoded segments of *path*, or ``path_rejected``."""
    segments = split_segments(path)
    return _rejected(segments) if isinstance(segments, str) else segments


def _rejected(problem: str) -> Deny:
    return Deny(Reason.PATH_REJECTED, problem)
