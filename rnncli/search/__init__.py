"""Many networks at once: patterns and what they expand to, budgets, and the largest network within one."""
