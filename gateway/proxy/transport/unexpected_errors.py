"""Report errors of ours that must not stop what has nothing to do with them."""

import asyncio
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny

# What becomes of the request that met one: never a verdict about its token, which was not judged.
INTERNAL_ERROR: Final = Deny(
    Reason.INTERNAL_ERROR, "an error inside the gateway; stderr has the traceback"
)


def report_bug(message: str, bug: BaseException | None) -> None:
    """Report *bug* to whoever watches over the event loop; *message* says where it was."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": message, "exception": bug})
