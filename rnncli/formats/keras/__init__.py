"""Keras's files: JSON, `.keras` archives and HDF5, of every version since 2.1."""
