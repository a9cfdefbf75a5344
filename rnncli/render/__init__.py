"""What people see (with Rich, but for the table of a sweep) and what programs read (`records`, without)."""
