"""Record Keras's and PyTorch's counts for the models in `sources.txt`: sources in the styles that people publish.

    KERAS_BACKEND=torch python tests/golden/source_texts.py

Each section has the settings that rnncli needs for it (`# set:`) and code that builds its models (`# make:`). Only here
are the sections executed, with the frameworks; the counts are written after `# params:`.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import keras
import torch

PATH = Path(__file__).parent / "sources.txt"
IMPORTS = {
    "import tensorflow as tf": "import keras as tf",
    "from tensorflow": "from keras",
    "from keras import keras": "import keras",
}
"""The TensorFlow imports of the sections, and their replacements here."""


def stand_in() -> None:
    """Replace functions that the sections use but that build no recurrent model."""
    sys.modules |= {name: MagicMock() for name in ("torchvision", "torchvision.models", "keras.datasets")}
    sys.modules["keras.datasets"].imdb.load_data.return_value = [(MagicMock(), MagicMock())] * 2
    keras.keras, keras.nn = keras, keras.activations
    sys.modules["keras.keras"] = keras


def count(model: Any) -> int:
    """The number of parameters of a model; shared parameters count once."""
    if isinstance(model, torch.nn.Module) and not isinstance(model, keras.Layer):
        return sum(parameter.numel() for parameter in model.parameters())
    if not model.built:
        model.build((None, 10))
    return int(model.count_params())


def counted(section: str) -> str:
    """Return a section with its framework's counts."""
    make = re.search(r"^# make: (.*)$", section, re.MULTILINE)
    section = re.sub(r"^# params: .*\n", "", section, flags=re.MULTILINE)
    if make is None or make[1] == "none":
        return section
    title, _, source = section.partition("\n")
    sys.modules["judged"] = module = ModuleType("judged")
    names: dict[str, Any] = vars(module)
    names |= {name: int(number) for name, number in re.findall(r"(?<= )(\w+)=(\d+)", source.partition("\n")[0])}
    for theirs, ours in IMPORTS.items():
        source = source.replace(theirs, ours)
    for statement in ast.parse(source).body:
        try:
            exec(compile(ast.Module([statement], []), title, "exec"), names)
        except Exception as fault:  # it needs somebody's data
            print(f"{title}: {fault!r}")
    models = eval(f"[{make[1]}]", names)
    params = " ".join(f"{count(model)}" for model in models)
    return section.replace(f"{make[0]}\n", f"{make[0]}\n# params: {params}\n")


def main() -> None:
    """Write the counts into sources.txt."""
    stand_in()
    first, *sections = PATH.read_text().split("#### ")
    PATH.write_text("#### ".join([first, *map(counted, sections)]))


if __name__ == "__main__":
    sys.argv = ["model.py", "text.txt", "--vocab-size", "65"]  # arguments that a section parses
    main()
