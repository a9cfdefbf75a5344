"""Many networks at once: `sweep` evaluates and sifts what patterns stand for, `solution` finds the largest in a budget.

- `braces`: texts with braces, as bash has them; `brace_hints` mends and completes them.
- `grid`, `forms`, `block`: a pattern as a grid of candidates, and what they own and cost, one by one or as arrays.
- `selection`, `frontier`: which candidates are shown.
- `template`, `problem`, `trials`: templates, and the numbers for their blanks.
"""
