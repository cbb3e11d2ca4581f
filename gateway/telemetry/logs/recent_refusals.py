"""Keep the last log lines of requests that were refused, or would have been."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

CAPACITY: Final = 1000

# Longer lines are not kept: a client that sends long paths must not fill the memory.
MAX_LINE_BYTES: Final = 2048


class RecentRefusals:
    """The last access log lines about refusals; none of them contains a token.

    *keep* adds a line. Every refusal pays for it, so it checks nothing: the caller leaves out
    lines longer than ``MAX_LINE_BYTES``.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lines: deque[bytes] = deque(maxlen=capacity)
        self.keep = self._lines.append

    def find(self, request_id: str) -> Mapping[str, Any] | None:
        """Return the members of the line about a request, or None if it is not kept."""
        wanted = b'"id":%b,' % json.dumps(request_id).encode("ascii")
        for line in reversed(self._lines):
            if wanted in line:
                members: Mapping[str, Any] = json.loads(line)
                if members["id"] == request_id:
                    return members
        return None
