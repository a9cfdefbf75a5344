"""What there is of the system that the process runs on: its signals, streams, memory, processes, and places for files.

What some systems do not have (Windows, a browser) is named in this room alone, with a plain way beside it.
"""
