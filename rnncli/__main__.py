"""The program `rnncli`, also run as `python -m rnncli`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and end the process with its exit status."""
    # Looking for cycles while the libraries are imported, and once more when the process ends, takes a seventh of a
    # short run. What is large are arrays, and they are in no cycle.
    gc.disable()
    from rnncli.cli import cli

    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot print a character shows a question mark; it is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        cli.main(prog_name="rnncli")
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
