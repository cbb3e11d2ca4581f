"""The exit codes of all commands, besides 0 for success and 2 for wrong usage."""

EXIT_NEGATIVE = 1  # a negative result: invalid, failed, refused, not ready
EXIT_INTERRUPTED = 130  # an interrupt: 128 and the number of the signal, as in a shell
EXIT_ENVIRONMENT = 3  # no result: something is unreadable, unreachable or in use
