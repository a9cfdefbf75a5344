"""Which candidates of a sweep are shown: budgets, orders, frontiers, parts, several cores."""
