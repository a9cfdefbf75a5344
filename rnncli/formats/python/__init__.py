"""Python sources: what they build in Keras and PyTorch, read from their syntax tree and never run.

Each file has a class that follows more of a text than the one before, and knows nothing of those behind it:

- `objects`, `library`, `evaluator`: the values of expressions. A line on the command line needs no more (`calls`).
- `program`: statements, functions, classes, loops; what may or may not run.
- `steps`: tensors are values, too, and each carries the step that computes it.
- `modules`: what a module or a function of tensors returns, where the language has words for it.
- `graph`: which name is of which framework; containers, copies, items of tensors.
- `source`: the file, which of its steps are a model, and the rows that these are.
"""
