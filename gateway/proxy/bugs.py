"""Report errors of ours that must not stop what has nothing to do with them."""

import asyncio


def report_bug(message: str, bug: BaseException | None) -> None:
    """Report *bug* to whoever watches over the event loop; *message* says where it was."""
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": message, "exception": bug})
