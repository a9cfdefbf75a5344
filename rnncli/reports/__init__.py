"""Reports on networks and the words that describe them, as plain data.

Where numbers come from and what other tools count, a network unrolled in time, networks side by side and why they
differ, how far back they remember, and what a word of the language or of a framework means.
"""
