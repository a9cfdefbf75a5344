"""Many networks at once: `sweep` evaluates and sifts what patterns stand for, `solution` finds the largest in a budget.

- `braces`: texts with braces, as bash has them, also typed wrong or in part; `grid`: what they stand for.
- `forms`, `block`: what the candidates of a grid own and cost, one by one or as arrays.
- `selection`, `frontier`: which candidates are shown.
- `problem`, `trials`: templates, and the numbers for their blanks.
"""
