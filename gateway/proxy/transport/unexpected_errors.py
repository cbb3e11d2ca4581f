"""Report errors of the gateway's own that must not affect anything else."""

import asyncio
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny

# The outcome of a request that met one. It is no verdict about the token, which was not judged.
INTERNAL_ERROR: Final = Deny(
    Reason.INTERNAL_ERROR, "an error inside the gateway; stderr has the traceback"
)


def report_unexpected_error(message: str, error: BaseException | None) -> None:
    """Report *error* to the exception handler of the event loop; *message* says what failed."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": message, "exception": error})
