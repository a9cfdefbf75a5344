"""Access to the operating system: signals, streams, memory, processes, and places for files.

Features that some systems lack (Windows, a browser) are only used in this room, each with a fallback.
"""
