"""A command-line explorer for recurrent neural networks, which is also a library.

>>> import rnncli
>>> network = rnncli.Network.read("nn.LSTM(40, 64)")
>>> network.summary(framework="keras").total_params
26880

Wherever the command line accepts SPEC, functions accept the same text: a spec, a line of Keras or PyTorch, or a model
file; `rnncli.load` returns a runnable model. Commands are functions, and also methods if they apply to one network;
`export` is only a method, because a package has this name:

>>> rnncli.solve("input:8,lstm:_", params=10_000).spec
'input:8,lstm:45'
>>> [candidate.total_params for candidate in rnncli.sweep("input:8,{lstm,gru}:4")]
[208, 168]
>>> rnncli.compare("input:8,lstm:4", "input:8,gru:4").change(1, "total_params").difference
-40
>>> network.explain().layers[0].total.words
'gates × units × (input + units + 1 + 1)'

`print` shows a result as the command does on the screen, and notebooks show tables and drawings; `rows()` returns data
for a data frame. Everything is imported on first use, so that `import rnncli` imports neither NumPy nor Rich.

The structure: a network is data, and everything else reads it.

- `characters`, `immutable`, `errors`, `quantities`, `vocabulary`: ASCII replacements; immutable data; exceptions; sizes
  and shapes; the words of the output.
- `system`, `atomic`: signals, streams, free memory and places for files; files written completely or not at all.
- `results`: the results of commands and functions, which can display themselves.
- `layers`: the kinds of layer, with everything about each. Its docstring explains how to add a kind.
- `language`: text to layers and layers to text.
- `network`, `network_summary`: the sequence of layers, and its weights and costs.
- `formats`: reads model files, Python sources and lines of Keras and PyTorch as networks, without running any of it.
- `reports`, `search`, `engine`: the data for explain, draw, compare, reach and layers; the searches of sweep and solve;
  runs in NumPy.
- `export`: one file per target: source, files and weights for other frameworks.
- `render`: the output for people (Rich) and for programs (a writer per format).
- `library`: the commands as Python functions.
- `commands`, `cli`: one file per command, from options to output; all errors are printed in one place. `pages` contains
  the texts of `rnncli help TOPIC`.

Imports only point downwards, and only some packages import click, Rich and NumPy; `tests/test_house.py` checks
both. `tests/conftest.py` explains the tests.
"""

# The program starts here. Nothing is imported, so that Ctrl-C is handled as early as possible.
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
    from rnncli.network import Network, summary
    from rnncli.network_summary import LayerSummary, Summary
    from rnncli.reports.comparison import Comparison, compare
    from rnncli.reports.explanation import Explanation, explain
    from rnncli.reports.reach import Reach
    from rnncli.reports.reference import Entry, look_up
    from rnncli.reports.unrolled import Drawing, draw
    from rnncli.results import Result
    from rnncli.search.forms import Candidate
    from rnncli.search.solution import Solution
    from rnncli.search.sweep import Candidates

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
        "network": ("Network", "summary"),
        "network_summary": ("LayerSummary", "Summary"),
        "reports.comparison": ("Comparison", "compare"),
        "reports.explanation": ("Explanation", "explain"),
        "reports.reach": ("Reach",),
        "reports.reference": ("Entry", "look_up"),
        "reports.unrolled": ("Drawing", "draw"),
        "results": ("Result",),
        "search.forms": ("Candidate",),
        "search.solution": ("Solution",),
        "search.sweep": ("Candidates",),
    }.items()
    for name in names
}
"""The names that are imported on first use, and their modules."""

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
    "summary",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module 'rnncli' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, including those not imported yet."""
    return sorted({*globals(), *__all__})
