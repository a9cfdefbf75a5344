"""A command-line explorer for recurrent neural networks, and the same as a library.

>>> import rnncli
>>> network = rnncli.Network.read("nn.LSTM(40, 64)")
>>> network.summary(framework="keras").total_params
26880

Whatever the command line takes as SPEC stands for a network: a spec, a line of Keras or PyTorch, a model file, of which
`rnncli.load` returns a model that runs. Each command is a function, and a method where it is of one network; `summary`
and `export`, whose names are taken by modules, are methods alone:

>>> rnncli.solve("input:8,lstm:_", params=10_000).spec
'input:8,lstm:45'
>>> [candidate.total_params for candidate in rnncli.sweep("input:8,{lstm,gru}:4")]
[208, 168]
>>> rnncli.compare("input:8,lstm:4", "input:8,gru:4").change(1, "total_params").difference
-40
>>> network.explain().layers[0].total.words
'gates × units × (input + units + 1 + 1)'

`print` shows of a result what the command shows on the screen, and a notebook shows tables and drawings; `rows()` are
for a data frame. All of it is imported when it is asked for, so that `import rnncli` imports neither NumPy nor Rich.

How the house is laid out: a network is data, and everything else reads it.

- `characters`, `immutable`, `errors`, `quantities`, `vocabulary`: what stands for a character in ASCII; data that
  cannot be changed; what can go wrong; sizes and shapes; the words of the output.
- `system`, `atomic`: signals, streams, free memory and places for files; files written whole or not at all.
- `results`: what commands find and functions return, which shows itself.
- `layers`: one file a kind, which says all about it. Its docstring tells how a kind is added.
- `language`: text to layers and layers to text.
- `network`, `summary`: the row of layers, and what it owns and costs.
- `formats`: what model files, Python sources and lines of Keras and PyTorch hold, as networks; nothing in them is run.
- `reports`, `search`, `engine`: what explain, draw, compare, reach and layers find; what sweep and solve try; the runs
  in NumPy.
- `export`: one file a target: source, files and weights for other frameworks.
- `render`: what people see (Rich), and what programs read (a writer for each format).
- `library`: what the commands do, as functions of Python.
- `commands`, `cli`: one file a command, options in and output out; every error is printed in one place. `pages` has the
  texts of `rnncli help TOPIC`.

Imports point downwards only, and click, Rich and NumPy have their rooms; `tests/test_house.py` sees to both. How
all of it is checked is told in `tests/conftest.py`.
"""

# The program starts here. Nothing is imported, so that it soon comes to where it listens to Ctrl-C.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from rnncli.engine.model import Model
    from rnncli.engine.run import RunResult
    from rnncli.errors import ArgumentError, RnncliError, SpecError, UsageError
    from rnncli.formats.model_file import ModelFile
    from rnncli.formats.networks import inspect
    from rnncli.library.exports import Exported
    from rnncli.library.pages import SharedPage, page
    from rnncli.library.runs import forward, load, reach
    from rnncli.library.searches import solve, sweep
    from rnncli.network import Network
    from rnncli.reports.comparison import Comparison, compare
    from rnncli.reports.explanation import Explanation, explain
    from rnncli.reports.reach import Reach
    from rnncli.reports.reference import Entry, look_up
    from rnncli.reports.unrolled import Drawing, draw
    from rnncli.results import Result
    from rnncli.search.forms import Candidate
    from rnncli.search.solution import Solution
    from rnncli.search.sweep import Candidates
    from rnncli.summary import LayerSummary, Summary

__version__ = "0.1.0"

_LATER = {
    name: f"rnncli.{module}"
    for module, names in {
        "engine.model": ("Model",),
        "engine.run": ("RunResult",),
        "errors": ("ArgumentError", "RnncliError", "SpecError", "UsageError"),
        "formats.model_file": ("ModelFile",),
        "formats.networks": ("inspect",),
        "library.exports": ("Exported",),
        "library.pages": ("SharedPage", "page"),
        "library.runs": ("forward", "load", "reach"),
        "library.searches": ("solve", "sweep"),
        "network": ("Network",),
        "reports.comparison": ("Comparison", "compare"),
        "reports.explanation": ("Explanation", "explain"),
        "reports.reach": ("Reach",),
        "reports.reference": ("Entry", "look_up"),
        "reports.unrolled": ("Drawing", "draw"),
        "results": ("Result",),
        "search.forms": ("Candidate",),
        "search.solution": ("Solution",),
        "search.sweep": ("Candidates",),
        "summary": ("LayerSummary", "Summary"),
    }.items()
    for name in names
}
"""What is imported when it is asked for, and the module that has it."""

__all__ = [
    "ArgumentError",
    "Candidate",
    "Candidates",
    "Comparison",
    "Drawing",
    "Entry",
    "Explanation",
    "Exported",
    "LayerSummary",
    "Model",
    "ModelFile",
    "Network",
    "Reach",
    "Result",
    "RnncliError",
    "RunResult",
    "SharedPage",
    "Solution",
    "SpecError",
    "Summary",
    "UsageError",
    "__version__",
    "compare",
    "draw",
    "explain",
    "forward",
    "inspect",
    "load",
    "look_up",
    "page",
    "reach",
    "solve",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module 'rnncli' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, those not yet imported included."""
    return sorted({*globals(), *__all__})
