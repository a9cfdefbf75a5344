"""ONNX files: the chain of layers that a graph holds."""
