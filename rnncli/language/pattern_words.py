"""The words that patterns of rewrites refer to: kinds, fields, classes, numbers, and words of other languages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from rnncli.language.arguments import CLASSES, STANDS_FOR, field_of
from rnncli.language.framework_words import FEATURES
from rnncli.layers import KINDS, LAYERS, Embedding, Layer
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.options import Choice, Flag, Option, Whole
from rnncli.layers.sizes import BLANK_PATTERN, Numbers, Share, WordSize
from rnncli.quantities import FEW, ONES, SCALES, TENS

SMALL_WORDS = (
    "(?:our|the)\\smodel|we\\suse|an?|the|of|with|w/|using|having|has|reading|float(?:32)?|please|show|give|me"
)
"""Words of a sentence about a network that mean nothing in a spec."""

THEIR_SMALL_WORDS = "de|mit|je|von|con|avec|each|un|una|une|ein|eine|la|le|netz|red|reseau"
_THEIR_UNITS = "einheiten|zellen|neuronen|unidades|neuronas|unites|neurones"
THEIR_OUTPUTS = "ausgang|ausgange|salida|salidas|sortie|sorties"
_THEIR_LAYERS = "capa|capas|couche|couches|schicht|schichten|camada|camadas"
THEIR_WORDS = {*"|".join([THEIR_SMALL_WORDS, _THEIR_UNITS, THEIR_OUTPUTS, _THEIR_LAYERS, "merkmale"]).split("|")}
"""Words in other languages that mean nothing in a spec, or only announce a number; no misspelt word is compared with
them."""


def squeezed(word: str) -> str:
    """Return a word without separators between its parts: `soft max`, `return-sequences`."""
    return re.sub("[-_ ]", "", word.lower())


def _any(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})"


def _said_by(name: str) -> str:
    """Return the part of a spec that the name of a class implies: `pool:max`."""
    cls = CLASSES[name]
    return ":".join([cls.kind, *(field_of(cls, *each) or each[1] for each in STANDS_FOR.get(name, {}).items())])


THEIR_NAMES = {
    **dict.fromkeys(("eingabe", "eingang", "entrada", "entree"), "input"),
    **dict.fromkeys(("ausgabe", "ausgang", "salida", "saida", "sortie", "dicht", "dichte", "densa"), "dense"),
    **dict.fromkeys(("einbettung", "incrustacion", "plongement"), "embed"),
    **dict.fromkeys(("abandono", "abandon"), "dropout"),
    **dict.fromkeys(("abflachen", "aplanar", "aplatir"), "flatten"),
    **dict.fromkeys(("aktivierung", "activacion"), "act"),
    **dict.fromkeys(("normalisierung", "normalizacion", "normalisation"), "norm"),
    "faltung": "conv",
    "gemm": "dense",
}
"""Kinds of layers in other languages; no misspelt word is compared with these."""

NAMED = {
    **{name: _said_by(name) for name in CLASSES if name not in KINDS},
    **{name: layer.kind for layer in LAYERS for name in layer.called},
    **dict.fromkeys(("global_max_pool", "max_pool", "maxpool", "maxpooling", "gmp"), "pool:max"),
    **dict.fromkeys(("global_avg_pool", "avg_pool", "avgpool", "mean_pool", "meanpool", "gap"), "pool:avg"),
    **THEIR_NAMES,
}
"""The spec of each class of the frameworks and of each other common name for a layer."""


def names_of(cls: type[Layer], option: Option) -> set[str]:
    """Return the names of a field: ours, and the arguments of Keras and PyTorch that set it."""
    return {option.key, option.attribute, cls.torch_arguments.get(option.attribute, option.attribute)}


FLAGS = {option.key for layer in LAYERS for option in layer.options if isinstance(option, Flag)}
_CHOICES = [option for layer in LAYERS for option in layer.options if isinstance(option, Choice)]
_FIELDS = FLAGS | {name for layer in LAYERS for option in layer.options for name in names_of(layer, option)}
FIELD_WORDS = {*_FIELDS, *ACTIVATIONS, *OTHER_NAMES}
_ONE_SIZE, TWO_SIZES = (
    [name for name, kind in KINDS.items() if isinstance(kind.sizes, Numbers) and len(kind.sizes.attributes) == count]
    for count in (1, 2)
)
WHOLE = {option.key for layer in LAYERS for option in layer.options if isinstance(option, Whole) and option.keyed}
_WORDED = {name: kind.sizes for name, kind in KINDS.items() if isinstance(kind.sizes, WordSize)}
SETTINGS = {
    name: each
    for each, names in {
        "kind": "kind type layer class_name layer_type model_type rnn_type cell cell_type",
        "input_size": "input input_size input_dim input_features num_features n_features n_x n_in d_in d f emsize "
        "feature_size n_input features",
        "vocab": "vocab vocab_size num_embeddings ntoken ntokens",
        "dim": "embedding_dim emb_dim embed_dim embedding_size",
        "steps": "t seq_len seq_length timesteps n_steps n_timesteps time_steps lookback look_back window_size",
        "hidden_size": "units size hidden hidden_size hidden_dim h n_h nhid n_hid n_hidden d_h d_model n_units "
        "hidden_units",
        "num_layers": "layers num_layers n_layers nlayers layer_dim num_rnn_layers l",
        "output": "output output_size output_dim num_classes n_classes n_y n_out",
    }.items()
    for name in names.split()
}
"""What the settings of a configuration or a paper mean, by their names."""

_ANY_FIELDS = r"(?::[a-z][\w=]{0,30}){0,9}"
"""Fields between a kind and its size, or after it."""

# A pattern that lists all of them takes ten times as long to compile.
_TENS_AND_ONES = f"(?:{'|'.join(TENS)})(?:{'|'.join(ONES[1:])})?".replace("-", "[- ]")

_SETS = {
    "K": _any(KINDS),
    "R": _any(name for name, kind in KINDS.items() if kind.states),
    "INPUT": _any(name for name, kind in KINDS.items() if kind.reads == "input"),
    "EMBED": _any(name for name, kind in KINDS.items() if kind is Embedding),
    "ONE": _any(_ONE_SIZE),
    "TWO": _any(TWO_SIZES),
    "P": _any(name for name, kind in KINDS.items() if isinstance(kind.sizes, Share)),
    "LINEAR": _any(name for name, kind in KINDS.items() if vars(kind).get("activation") == "linear"),
    "SLIDES": _any(name for name in TWO_SIZES if "strides" in KINDS[name].__dataclass_fields__),
    "PLAIN": _any(name for name, kind in KINDS.items() if "activation" not in kind.__dataclass_fields__),
    "N": f"(?:[0-9][0-9_]*[kMG]?|{BLANK_PATTERN})",
    "ACT": _any({*ACTIVATIONS, *OTHER_NAMES} - {"none"}),
    "FIELD": _any(_FIELDS - {"activation", "act"}),
    "FLAG": _any(FLAGS | {option.key for option in _CHOICES if option.key_alone}),
    "KEY": _any({option.key for option in _CHOICES}),
    "VALUE": _any({value for option in _CHOICES for value in (*option.values, *option.other_names)}),
    "CLASS": _any(NAMED),
    "FEATURES": _any({*FEATURES, "in", "input", "features"}),
    "YES": "(?:true|yes|on|1)",
    "NO": "(?:false|no|off|0)",
    "SCALE": _any(SCALES),
    "FEW": f"(?:{_TENS_AND_ONES}|{_any(word for word in FEW if not word.startswith(TENS))})",
    "LAYERS": f"(?:layer(?:ed|s)?|(?:{_THEIR_LAYERS})\\b)",
    "NOT": r"(?:[:\s]\s{0,9}\(?(?:no|not|without|ohne|sans|sin|disable)[-_\s]{0,9}|:[-!~])",
    "S": r"\s{0,9}",
    "SLIP": "(?-i:[a-jl-z])??",
    "F": _ANY_FIELDS,
    "SIZED": f"(?:{_any(_ONE_SIZE)}{_ANY_FIELDS}:[0-9]+:|{_any(TWO_SIZES)}{_ANY_FIELDS}:[0-9]+x[0-9]+:)",
    "WHOLE": _any(WHOLE),
    "WORD": _any(f"{name}:{word}" for name, sizes in _WORDED.items() for word in sizes.words),
    "WORDED": _any(_WORDED),
    "SAYS": _any({name for sizes in _WORDED.values() for name in (*sizes.words, *sizes.other_names)}),
    "WIDE": r"[\s-]?d(?:im\w{0,9})?",
    "EACH": "(?:time[-_]?distributed|td)",
    "KERASLIKE": r"(?:hk|haiku|snt|sonnet|trax\.layers|tl)",
    "TORCHLIKE": r"(?:paddle|mindspore|ms|oneflow|flow|jittor|jt|tinygrad)\.nn",
    "ONEBIAS": r"(?:(?:eqx|equinox|mlx)\.nn|nnx|chainer\.links|L|Flux)",
    "ARROW": "(?:[-=]?>|→|to)",
    "TO": "(?:[-=]?>|→|-|to)",
    "TIMES": "(?:times|mal|veces|fois)",
    "ENDS": r"(?:k\w{0,10}|\w{0,10}dim\w{0,3}|f(?:eatures)?|d|size)",
    "WIDTH": r"(?:k(?:ernel)?(?:_?size)?|(?:(?:out|emb)\w{0,9}_?)?dim\w{0,3})",
    "LEADS": r"(?:f(?:ilters)?|v(?:ocab\w{0,5})?|t(?:ime_?steps)?|seq\w{0,9}|num_embeddings|input_dim)",
    "GIVEN": "(?:[0-9.]{1,10}|true|yes|on|false|no|off)",
    "X": "(?:x|,|of|by|at|with)",
    "REMARK": "(?:None,|assumed|[0-9][0-9,]* (?:param|weight))",
    "NOUNS": rf"(?:words|class(?:es)?|dim(?:s|ension\w{{0,3}})?|(?:inputs?|{THEIR_OUTPUTS})(?!\s?[:=]?\s?[0-9]))",
    "LENGTH": r"(?:(?:input|seq|max)_?len\w{0,3}|(?:time_?)?steps?|t)",
    "AND": "(?:and|then|plus|followed by|y|und|et)",
    "OUTPUTS": f"(?:class(?:es)?|outputs?|{THEIR_OUTPUTS}|labels?|targets?|categories)",
    "STEPS": r"(?:time[\s_]?)?steps?",
    "E": "(?=:|$)",
    "END": r"(?=[:,\s]|$)",
    "WITH": r"(?<=[0-9a-z])[:\s]\s{0,9}",
    "ON": r"(?:\s{0,9}=\s{0,9}(?:true|yes|on|1|wahr|vrai|verdadero))?",
    "MEASURED": r"(?:(?:mel|input)\s)?(?:features?|inputs?|eingang(?:en?)?|merkmale|entradas?|entrees?"
    "|channels?|sensors?|mfccs?)",
    "CELLS": f"(?:units?|neurons?|cells?|nodes?|{_THEIR_UNITS})",
    "UNITS": "(?:(?:n|num)?_?units|[hun]|size|hidden(?:_?(?:size|units|dim))?|dim(?:ension)?"
    "|filters|nodes|neurons|features|cells|out(?:put)?(?:_(?:size|dim|features))?"
    "|k|(?:kernel|pool)(?:_?size)?)",
}
"""Sets of words that patterns refer to as `<K>`: kinds (all, recurrent, with one size, …), numbers, fields, classes;
modules of libraries whose layers take their units alone, or both sizes with two biases for a gate or with one; and a
letter typed in place of a sign, except a letter that may end a number."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern of a row, with its sets of words filled in."""
    return re.compile(re.sub("<([A-Z]+)>", lambda found: _SETS[found[1]], pattern), re.IGNORECASE)


def in_digits(found: re.Match[str]) -> str:
    """`1OOO`, `l6` -> `1000`, `16`."""
    return found[0].lower().translate(str.maketrans("oli", "011"))


def repeated(found: re.Match[str]) -> str:
    """`(lstm:4:seq,dropout:0.2)x3`, `LSTM(4) * 3` -> the layers three times."""
    return ", ".join([found[1]] * int(found[2]))
