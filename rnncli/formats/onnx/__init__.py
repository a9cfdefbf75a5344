"""ONNX files: the chain of layers in a graph."""
