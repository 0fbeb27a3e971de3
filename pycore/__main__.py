"""``pycore``: look into a ledger and prove it, from a shell."""

from pycore.command_line import command


def main() -> None:
    """Run the command line."""
    command()


if __name__ == "__main__":
    main()
