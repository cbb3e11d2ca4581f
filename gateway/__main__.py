"""Run the command line."""

from gateway.cli.main import command


def main() -> None:
    """Run ``gateway``; click turns an interrupt or a broken pipe into a plain exit."""
    command(prog_name="gateway")


if __name__ == "__main__":
    main()
