"""The NumPy engine: networks that compute. `rnncli.Model` is one; `run` plans what `forward` and `reach` do."""
