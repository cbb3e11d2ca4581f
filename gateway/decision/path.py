"""The only place that takes a path apart: canonical form or refusal."""

from typing import NamedTuple

from gateway.decision.verdict import Deny


class Path(NamedTuple):
    """A path in canonical form. *raw* is what is matched and sent; *segments* are decoded.

    ``/a/b/`` has the segments ``a``, ``b`` and the empty one; ``/`` has one empty segment.
    """

    raw: bytes
    segments: tuple[str, ...]


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query (with its ``?``, or empty) of an origin-form target."""
    raise NotImplementedError


def parse_path(raw: bytes) -> Path | Deny:
    """Return the canonical path, or the refusal ``path_rejected``."""
    raise NotImplementedError
