"""A command-line explorer for recurrent neural networks, and the same as a library.

>>> from rnncli import Network
>>> Network.parse("embed:10000x32,rnn:32").summary().total_params
322080

What the commands do can be called, too. It is imported when it is asked for, so that `import rnncli` imports neither
NumPy nor Rich:

>>> from rnncli import Budget, compare, explain, solve, sweep
>>> solve("input:8,lstm:_", Budget(params=10_000)).spec
'input:8,lstm:45'
>>> [candidate.total_params for candidate in sweep("input:8,{lstm,gru}:4")]
[208, 168]
>>> compare("input:8,lstm:4", "input:8,gru:4").change(1, "total_params").difference
-40
>>> explain("input:8,rnn:4").layers[0].total.words
'units × (input + units + 1)'

How the house is laid out: a network is data, and everything else reads it.

- `characters`, `errors`, `quantities`, `vocabulary`: what stands for a character in ASCII; what can go wrong; sizes and
  shapes; the words of the output.
- `system`, `atomic`: signals, streams, free memory and places for files; files written whole or not at all.
- `layers`: one file a kind, which says all about it. Its docstring tells how a kind is added.
- `language`: text to layers and layers to text.
- `network`, `summary`: the row of layers, and what it owns and costs.
- `formats`: what model files, Python sources and lines of Keras and PyTorch hold, as networks; nothing in them is run.
- `reports`, `search`, `engine`: what explain, draw, compare, reach and layers find; what sweep and solve try; the runs
  in NumPy.
- `export`: one file a target: source, files and weights for other frameworks.
- `render`: what people see (Rich), and what programs read (a writer for each format).
- `commands`, `cli`: one file a command, options in and output out; every error is printed in one place. `pages` has the
  texts of `rnncli help TOPIC`.

Imports point downwards only, and click, Rich and NumPy have their rooms; `tests/test_house.py` sees to both. How
all of it is checked is told in `tests/conftest.py`.
"""

# The program starts here. Nothing is imported, so that it soon comes to where it listens to Ctrl-C.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from rnncli.engine import Model
    from rnncli.errors import ArgumentError, RnncliError, SpecError, UsageError
    from rnncli.network import Network
    from rnncli.reports.comparison import compare
    from rnncli.reports.explanation import explain
    from rnncli.search.budget import Budget
    from rnncli.search.solution import solve
    from rnncli.search.sweep import sweep
    from rnncli.summary import LayerSummary, Summary

__version__ = "0.1.0"

_LATER = {
    "ArgumentError": "rnncli.errors",
    "Budget": "rnncli.search.budget",
    "LayerSummary": "rnncli.summary",
    "Model": "rnncli.engine",
    "Network": "rnncli.network",
    "RnncliError": "rnncli.errors",
    "SpecError": "rnncli.errors",
    "Summary": "rnncli.summary",
    "UsageError": "rnncli.errors",
    "compare": "rnncli.reports.comparison",
    "explain": "rnncli.reports.explanation",
    "solve": "rnncli.search.solution",
    "sweep": "rnncli.search.sweep",
}
"""What is imported when it is asked for, and the module that has it."""

__all__ = [
    "ArgumentError",
    "Budget",
    "LayerSummary",
    "Model",
    "Network",
    "RnncliError",
    "SpecError",
    "Summary",
    "UsageError",
    "__version__",
    "compare",
    "explain",
    "solve",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    from rnncli.system.imports import imported

    return imported(globals(), _LATER, name)


def __dir__() -> list[str]:
    """Return the public names, those not yet imported included."""
    return sorted({*globals(), *__all__})
