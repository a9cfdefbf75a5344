"""A command-line explorer for recurrent neural networks, and the same as a library.

>>> from rnncli import Network
>>> Network.parse("embed:10000x32,rnn:32").summary().total_params
322080
"""

from __future__ import annotations

from rnncli.errors import RnncliError, SpecError
from rnncli.network import Network
from rnncli.summary import LayerSummary, Summary

__version__ = "0.1.0"

__all__ = ["LayerSummary", "Network", "RnncliError", "SpecError", "Summary", "__version__"]
