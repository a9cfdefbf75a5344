"""Python sources: what they build in Keras and PyTorch, read from their syntax tree and never run."""
