"""Remember the last lines about requests that were refused, or would have been."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

CAPACITY: Final = 1000

# A client that asks for endless paths must not fill the memory: longer lines are not kept.
MAX_LINE_BYTES: Final = 2048


class RecentRefusals:
    """The last lines of the access log that tell of a refusal; no token is in any of them.

    *keep* takes a line. It is what every refusal pays for, so it checks nothing: the caller
    leaves out what is longer than ``MAX_LINE_BYTES``.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lines: deque[bytes] = deque(maxlen=capacity)
        self.keep = self._lines.append

    def find(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the members of the line about a request, or None where it is not kept."""
        wanted = b'"id":%b,' % json.dumps(request_id).encode("ascii")
        for line in reversed(self._lines):
            if wanted in line:
                members: Mapping[str, Any] = json.loads(line)
                if members["id"] == request_id:
                    return members
        return None
