"""Reads Python sources: the models they build in Keras and PyTorch, from their syntax trees; no source is run.

Each file has a class that follows more of a source than the one before, and does not know about the later ones:

- `trees`: the syntax trees of files, notebooks and expressions.
- `objects`, `library`, `evaluator`: the values of expressions. A line on the command line only needs these (`calls`).
- `statements`: assignments, conditions, loops; code that may or may not run.
- `program`: definitions and calls of functions and classes.
- `steps`: tensors are values, and each carries the step that computes it.
- `functions`, `modules`: the outputs of functions of tensors, of indices, and of modules, that specs have words for.
- `containers`: the framework that a name belongs to; containers and copies of modules, and later changes to them.
- `graph`: calls, attributes, items and targets of modules and tensors.
- `source`: the file, what of it is followed, which of its steps form a model, and the rows of a model.
"""
