"""Keras's files: JSON, `.keras` archives, and HDF5, of every version from 2.1 on."""
