"""The commands as functions: each accepts the command's options as keyword arguments with the same names.

- `runs`: `load`, `forward`, `reach`; `searches`: `sweep`, `solve`; `exports`: `export`; `pages`: `page`.
- Functions without a run or a progress bar are in lower packages: `explain`, `compare`, `draw`, `look_up`, `inspect`.

`rnncli` exports all of them; those for a single network are also methods of a network and of a model.
"""
