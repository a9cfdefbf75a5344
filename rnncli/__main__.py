"""The program `rnncli`, also run as `python -m rnncli`."""

from __future__ import annotations

import sys

from rnncli.cli import cli


def main() -> None:
    """Run the command line and end the process with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot print a character shows a question mark; it is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    cli.main(prog_name="rnncli")


if __name__ == "__main__":
    main()
