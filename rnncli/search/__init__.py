"""Many networks at once: patterns and the networks they stand for, budgets, and the largest network within a budget."""
