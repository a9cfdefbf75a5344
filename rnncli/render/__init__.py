"""What people see (`tables`, with Rich) and what programs read (`plain`, without)."""
