"""PyTorch's files: state dicts and checkpoints, as zip archives and in the earlier format."""
