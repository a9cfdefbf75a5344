"""The commands, one file each: options in, a reader of the network called, output out."""

COMPLETION = "_RNNCLI_COMPLETE"
"""The variable with which a shell asks how a command line can go on; the name is Click's."""
