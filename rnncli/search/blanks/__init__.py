"""Templates with blanks, and the numbers for them with which a network is largest within a budget."""
