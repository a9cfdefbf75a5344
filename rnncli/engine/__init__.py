"""The NumPy engine, which runs networks. `rnncli.Model` is a runnable network; `run` plans `forward` and `reach`."""
