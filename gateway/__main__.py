"""Run the command line."""

import contextlib
import os
import signal
import sys

from gateway.cli.main import command


def main() -> None:
    """Run ``gateway``; a broken pipe or an interrupt ends it without a traceback."""
    try:
        command(prog_name="gateway")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        # Whoever read our output is gone: that ends `gateway routes | head`, as it does `cat`.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


if __name__ == "__main__":
    main()
