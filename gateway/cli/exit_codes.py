"""The exit codes of all commands, besides 0 for success and 2 for wrong usage."""

EXIT_NEGATIVE = 1  # a negative result: invalid, failed, refused, not ready
EXIT_ENVIRONMENT = 3  # no result: something is unreadable, unreachable or in use
