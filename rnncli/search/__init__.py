"""Many networks at once: `sweep` evaluates what patterns stand for, `solution` finds the largest within a budget.

- `braces`: texts with braces, as bash has them; `brace_hints` mends and completes them.
- `grid`, `forms`, `block`: a pattern as a grid of candidates, and what they own and cost, one by one or as arrays.
- `sifting`, `selection`, `frontier`: which candidates are shown: budgets, orders, frontiers, several cores.
- `template`, `problem`, `trials`: templates, and the numbers for their blanks.
"""
