"""What there is of the system that the process runs on: its signals, its streams, its memory, its places for files."""
