"""The commands, one file each: options in, a reader of the network called, output out."""
