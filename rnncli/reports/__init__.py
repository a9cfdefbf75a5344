"""What is found out about networks, as plain data: where numbers come from, time unrolled, networks side by side."""
