"""Run the command line."""

import gc
import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run ``gateway``, so that an interrupt exits with 130 wherever it comes.

    An internal error exits with 3, as a missing file does: 1 would be a result.
    """
    # A shell has what it runs in the background ignore interrupts: that stays.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave_at_once)
    # Imported here: an interrupt may come while they are.
    import click  # noqa: PLC0415

    from gateway.cli.exit_codes import EXIT_ENVIRONMENT  # noqa: PLC0415
    from gateway.cli.main import command  # noqa: PLC0415
    from gateway.cli.streams import give_up, open_standard_streams  # noqa: PLC0415

    open_standard_streams()
    try:
        command(prog_name="gateway")
    except OSError as error:
        click.echo(f"gateway: {give_up(error)}", err=True)
        sys.exit(EXIT_ENVIRONMENT)
    except Exception as bug:
        # Only now: no other run of a verb needs it.
        from gateway.telemetry.logs.unexpected_errors import describe_error  # noqa: PLC0415

        click.echo(f"gateway: internal error, no result: {describe_error(bug)}", err=True)
        sys.exit(EXIT_ENVIRONMENT)
    finally:
        # The process ends: to walk through a large configuration once more would only take time.
        gc.freeze()


def _leave_at_once(number: int, _frame: FrameType | None) -> None:
    """Exit without a word: no verb has anything to undo.

    Not by an exception, which is lost with a traceback if it is raised in a callback of an import
    or of the garbage collector. Verbs that serve have handlers of their own.
    """
    if os.isatty(2):
        os.write(2, b"\n")  # after the ^C that the terminal shows
    os._exit(128 + number)


if __name__ == "__main__":
    main()
