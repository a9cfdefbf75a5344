"""What the commands do, as functions: each takes the command's options as keyword arguments of the same names.

- `runs`: `load`, `forward`, `reach`; `searches`: `sweep`, `solve`; `exports`: `export`; `pages`: `page`.
- What needs no run and shows no progress stands further below: `explain`, `compare`, `draw`, `look_up`, `inspect`.

`rnncli` has all of them, and a network and a model have those that are of one network as methods.
"""
