"""The commands, one file each: read options and networks, call the library, print the output."""

COMPLETION = "_RNNCLI_COMPLETE"
"""The environment variable by which a shell asks for completions; the name is Click's."""
