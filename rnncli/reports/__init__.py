"""Reports on networks, as plain data: where their numbers come from, unrolled in time, side by side."""
