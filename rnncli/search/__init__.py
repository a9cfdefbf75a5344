"""Many networks at once: `sweep` evaluates and filters patterns, `solution` finds the largest network in a budget.

- `braces`: parses patterns, also mistyped or unfinished ones; `grid`: the texts that patterns stand for.
- `forms`, `frame`: the figures of a grid's candidates, one by one or as arrays.
- `selection`, `frontier`: the candidates to show.
- `template`, `problem`, `trials`: templates, and the search for their numbers.
"""
