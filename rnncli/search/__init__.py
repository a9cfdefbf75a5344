"""Many networks at once: `sweep` evaluates what a pattern stands for, `solve` finds the largest within a budget.

- `patterns`: texts with braces, as bash has them.
- `grids`: a pattern as a grid of candidates, and what they own and cost, one by one or as arrays.
- `ranking`: which candidates are shown: budgets, orders, frontiers, parts, several cores.
- `blanks`: templates, and the numbers for their blanks.
"""
