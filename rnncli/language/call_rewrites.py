"""Rewrites from other ways to write calls of Keras and PyTorch, as a table."""

from __future__ import annotations

import re
from functools import partial

from rnncli.characters import in_ascii
from rnncli.language.pattern_words import NAMED, SETTINGS, compiled, in_digits, repeated
from rnncli.language.rewriting import Rewrite
from rnncli.layers import KINDS
from rnncli.quantities import FEW

_text = partial(Rewrite, "text")


def _called(found: re.Match[str]) -> str:
    """`FC`, `CNN` -> `Dense`, `Conv1D`; a name that a framework uses stays."""
    name = found[0].lower()
    kind = None if name.endswith("cell") else KINDS.get(NAMED.get(name, name))
    return found[0] if kind is None or name in (kind.torch.lower(), kind.kind) else kind.keras


_CALLS = (
    _text(r"^\s*([\"'`])([^\"'`]*)\1\s*$", r"\2"),
    _text(r"(?<=\))\.\s*$", ""),
    _text(r"(?:^|(?<=\n))\s{0,9}(?:In ?\[[0-9]*\]:|>>>|\.\.\.|[0-9]{1,2}[.)]|[-*])\s{1,9}(?=\w)|\s//[^\n]*", ""),
    _text(r"(?:^|(?<=\n))\s{0,9}[^\w\s\x00-\x7f]{1,3}\s{1,9}(?=\w)", ""),
    _text(r"^[^()0-9]*?\b((?:\w{1,20}\.){0,3}(?:<K>|<CLASS>)\((?:[^()]|\([^()]*\)){1,200}\))[^()0-9]*\?\s*$", r"\1"),
    _text(r"(?<=\w)::(?=\w)", "."),
    _text(r"\{([^{}:]{1,999})\}", r"[\1]"),  # a set has no order
    _text(r"\b(?:torch\.nn\.)?\w{3,9}Options\(([^()]{1,99})\)", r"\1"),
    _text(r"(?<=[0-9)])\.(num_layers|bidirectional|batch_first)\(([^()]{1,9})\)", r", \1=\2"),
    _text(r"^\s*\w{1,40}\(\s*(\(\w{1,40}\): [\s\S]{1,999})\)\s*$", r"\1"),  # as PyTorch prints a module
    _text(r"\b(?!\w*att)\w{1,40}\(\s*(?=\(\w{1,40}\): )", "Sequential("),
    _text(r"\s*\([\w-]{1,40}\): (?=(?:[0-9]{1,3} x )?\w[\w.]{0,40}\()", ", "),
    _text(r"(?:^|(?<=\())\s*,\s*|\s+(?=\)|$)", ""),
    _text(r"^((?:nn\.)?Dropout\([^()]{0,40}\)),\s*((?:nn\.)?Embedding\([^()]{1,99}\))", r"\2, \1"),
    _text(r"(['\"`])(\w{1,30})(?!\1)['\"`]|`(\w{1,30})`", r"'\2\3'"),
    _text(r"(\([^()]{1,99})\),\s*(\w{4,20}\s?=\s?\w{1,9})(?=\s*(?:,|$))", r"\1, \2)"),
    _text(r"(?<=\()([0-9]{1,9})\s(?:units?|hidden|out),\s?([0-9]{1,9})\s(?:features?|inputs?|in)(?=[,)])", r"\2, \1"),
    _text(r"(?<=\()\s*([0-9]{1,9})\s(?:features?|inputs?|dims?|in)\s*(?=,)", r"\1"),
    _text(r"(?<=[(,\s])([0-9]{1,9})\s?(?:(?:hidden\s)?(?:<CELLS>|features|filters)|hidden|out\w*)\s*(?=[,)])", r"\1"),
    _text(r"(?<=,)\s*([1-9][0-9]?)\s?layers?\s*(?=[,)])", r" num_layers=\1"),
    # Julia
    _text(r"\b(?:Chain|Recur)\(", "nn.Sequential("),
    _text(r"\btd(?=\(\w{2,9}\()", "TimeDistributed"),
    _text(r"(?<!\.)\b((?:LSTM|GRU|RNN)(?:Cell)?|Dense|Embedding|Conv)(?:1d)?\((?=\s?[0-9]{1,9}\s?[-=]>)", r"nn.\1("),
    _text(r"\b(nn\.RNN\([^()=]{1,40}(?:=>[^()=]{1,20})?),\s?(['\"]?)(relu|tanh)\2(?=\))", r"\1, nonlinearity='\3'"),
    _text(r"\bnn\.Dense(\([^()]{1,40}=>[^(),]{1,20})(?:,\s?([a-z]{2,10}))\)", r"nn.Linear\1), nn.\2()"),
    _text(r"(?<=\()\s*([0-9]{1,9})(?:\s*(?:[-=]?>|[;:x])\s*|\s{1,3})(?=[1-9][0-9]{0,9}\s*[,)\s])", r"\1, "),
    _text(r"(?<=[(\s=])([1-9][0-9]{0,2}),(0[0-9]{2})(?=\s*[,)])", r"\1\2"),
    _text(r"(?<=\()\s*[Np]\s?=\s?(?=[0-9.]{1,9}\s*\))", ""),
    _text(r";(?=[^()]{0,99}\))", ","),
    _text(r"(?<=[(,=\s])[0-9][0-9o]{0,9}(?<=o)(?=\s*[,)])", in_digits),
    _text(r"(?<==)(?:(wahr|vrai|verdadero)|falsch|faux|falso)(?=\s*[,)])", lambda found: str(found[1] is not None)),
    _text(r"(?<==)<FEW>(?=\s*[,)])", lambda found: FEW[found[0].lower()]),
    _text(r"(?<=[(,\s])kernel(?:[\s_]size)?(?:\s?[:=]\s?|\s)(?=[0-9]{1,9}\s*[,)])", "kernel_size="),
    _text(r"(?<=[(,\s])(?:in|input)(?:\s?:\s?|\s|(?<=[(,\s]in)=)(?=[0-9]{1,9}\s*[,)])", "input="),
    _text(r"(?<=[(,\s])(?:out|output|hidden)(?:\s?:\s?|\s|(?<=[(,\s]out)=)(?=[0-9]{1,9}\s*[,)])", "hidden="),
    _text(r"(?<=[(,\s])([a-z]{2,12})[ -](?=[a-z]{2,12}\s?=[^=])", r"\1_"),
    _text(r"\b(<R>\([^()]{0,99}\binput_shape\s?=\s?)([\w.]{1,40}\.shape)\[1:\]", r"\1(\2[1], \2[2])"),
    _text(r"\b(<R>\([^()]{0,99}\binput_shape\s?=\s?\()[0-9]{1,9},\s?(?=[0-9]{1,9},\s?[0-9]{1,9}\s*\))", r"\1"),
    _text(r"(?<=[(,=\s])([0-9]{1,2})\s?%(?=\s*[,)])", lambda found: f"{int(found[1]) / 100:g}"),
    _text(r"(?<=shape=)([0-9]{1,9})\s?x\s?([0-9]{1,9})(?=\s*[,)])", r"(\1, \2)"),
    _text(r"(?<=shape=)\(\s*(?:None\s{1,3}|(?:[?*]|-1)?\s?[,;]\s?)([0-9]{1,9})\s*\)", r"(None, \1)"),
    _text(r"(?<!as )\b(nn|keras|layers)(?:[,; ]? ?(?-i:(?=[A-Z]))|_(?=[a-z]{2,9}\())", r"\1."),
    _text(r"(?<=\)),\s*self\.\w{1,30}\s*=\s*", ", "),
    _text(r"(?<![\w.])([2-9])\s?[*x]\s?((?:bi[-_]?)?(?:<K>|<CLASS>)\([^()]{1,99}\))", r"\2 x \1"),
    _text(r"(?<=\))\s{1,9}(?:([2-9])\s?times|(twice))\b", lambda found: f" x {found[1] or 2}"),
    _text(r"\(\{([^{}()]{1,200})\}\)", lambda found: re.sub(r"(\w{1,40}):\s?", r"\1=", f"({found[1]})")),  # JavaScript
    _text(r"(?<!\.)\b(<R>\(\s?)[dh](?=\s?=\s?[0-9]{1,9}\s?\))", r"\1units"),
    _text(r"(?<=[(,\s])(?:d|h|l|n_in|n_[xh]|n_?hid|nlayers)(?=\s?=\s?[0-9])", lambda found: SETTINGS[found[0].lower()]),
    _text(r"(?<=[(,\s])(?:input|num|n)_features(?=\s?=)", "input_dim"),
    _text(r"(?<=\w)([=(])(?![bfru]['\"])([a-z])(?=[(['\"]|[0-9]{1,9}\s*[,)])", r"\2\1"),  # input_shap=e(30, 4), LST(M4)
    _text(r"(?<=[a-z]{2})(['\",)])([a-z])(?=\s?[,)]|\s|$)", r"\2\1"),  # activation='rel'u, use_bias=Tru,e
    # Other frameworks, and Keras's names behind nn.
    _text(r",\s*(?:rngs|key|state_is_tuple|reuse|time_major)\s?=\s?[\w.]{1,30}(?:\([^()]{0,30}\))?", ""),
    _text(r",\s*direction\s?=\s?(['\"])forward\1", ""),
    _text(r"(?<![\w.])rnn(?:_cell)?\.(?=(?:Basic|Multi|LSTM)\w{0,9}Cell\()", ""),
    _text(r"\b(?:nn\.)?(?:Basic|Optimized)(?=(?:LSTM|GRU))", ""),
    _text(r"\b(?:tf\.[\w.]{5,30}|<KERASLIKE>)\.(GRU(?:Cell)?)\(([^()]{1,40})(?=\))", r"\1(\2, reset_after=False"),
    _text(r"\b<KERASLIKE>\.Linear(?=\()", "Dense"),
    _text(
        r"\b(?:tf\.(?:compat\.v1\.)?(?:nn|contrib)\.rnn(?:_cell)?|<KERASLIKE>|(?:flax\.)?linen)\."
        r"(?=(?:Basic|Simple|Multi)?(?:LSTM|RNN|Dense|Embed)(?:(?:Block)?Cell|\())",
        "",
    ),
    _text(
        r"\btf\.(?:compat\.v1\.)?nn\.(?:dynamic|static)_rnn\("
        r"\s?(\w[\w.]{3,60}Cell\((?:[^()]|\([^()]*\)){0,200}\))[^()]*\)",
        r"RNN(\1, return_sequences=True)",
    ),
    _text(
        r"\b<ONEBIAS>\.(LSTM|RNN)(?:Cell)?\(\s?([0-9]{1,9})(?:,|\s?=>)\s?(?=[0-9]{1,9}\s?[,)])",
        lambda found: f"Input((None, {found[2]})), {'Simple' * (found[1].lower() == 'rnn')}{found[1]}(",
    ),
    _text(r"\b<ONEBIAS>\.(?=Linear|\w{3,9}\([^()]{0,99}bias\s?=\s?False)", "nn."),
    _text(r"\b<TORCHLIKE>\.(?=[A-Z])", "nn."),
    _text(r"\bhas_bias(?=\s?=)", "bias"),
    _text(r"\bdirection\s?=\s?(['\"])bidirect(?:ional)?\1", "bidirectional=True"),
    _text(r"\bMultiRNNCell(?=\()", "StackedRNNCells"),
    _text(r"\bnnx?\.RNN\(\s*(?:nnx?\.)?(\w{3,9}Cell\([^()]{1,99}\))", r"RNN(\1, return_sequences=True"),
    _text(r"\bnnx?\.Embed(?=\()", "nn.Embedding"),
    _text(r"(?<![.\w])(?-i:conv1d)(?=\(\s?[0-9]{1,9},\s?[0-9]{2,9},\s?[1-9]\s?\))", "nn.Conv1d"),
    _text(r"(?<=,)\s*features(?=\s?=)", " embedding_dim"),
    _text(r"\bnn\.(?=Dense\([0-9]{1,9}\)|(?:Dense|LSTMCell)\(features\s?=)", ""),
    _text(r"(?<=\()features(?=\s?=)", "units"),
    _text(r"(?<=\bnn\.)(?:SimpleRNN|Dense)(?=\()", lambda found: "Linear" if found[0] == "Dense" else "RNN"),
    # MATLAB and R
    _text(r"\.{3}(?=\s*\n)|[\s;,]{0,9}\b(?:classification|regression)Layer\b(?:\([^()]{0,99}\))?", ""),
    _text(r"\bsequenceInputLayer\(\s?([0-9]{1,9})[^()]{0,99}\)", r"Input((None, \1))"),
    _text(r"\bfullyConnectedLayer\(\s?([0-9]{1,9})[^()]{0,99}\)", r"Dense(\1)"),
    _text(r"\bwordEmbeddingLayer\(\s?([0-9]{1,9}),\s?([0-9]{1,9})\)", r"Embedding(\2, \1)"),
    _text(r"\bconvolution1dLayer\(\s?([0-9]{1,9}),\s?([0-9]{1,9})\)", r"Conv1D(\2, \1)"),
    _text(r"\bdropoutLayer(?=\()", "Dropout"),
    _text(r"\b(softmax|relu|tanh|sigmoid)Layer\b", r"Activation('\1')"),
    _text(r"lstmLayer\(\s?([0-9]{1,9}),[^()]{0,99}last\W{0,3}\)", r"LSTM(\1)"),
    _text(r"lstmLayer\(\s?([0-9]{1,9})(?:,[^()]{0,99})?\)", r"LSTM(\1, return_sequences=True)"),
    _text(r"(?:\b(?:keras_model_sequential\([^()]{0,99}\)|model)\s*[%|>]{2,3}\s*)?(?<![\w.])layer_(?=\w{2,30}\()", ""),
    _text(r"(?<![\w.])(?:c|list)\((?=\s?(?:[0-9]|NA\b|NULL\b))", "("),
    _text(r"(?-i:\b(?:NA|NULL)\b)", "None"),
    _text(r"(?<==)\s?(?-i:T)(?=\s*[,)])", "True"),
    _text(r"(?-i:(?<=[(,=\s])([0-9]{1,9})L(?=\s?[,)]))", r"\1"),
    # between calls
    _text(r"(?<=\))\s{1,9}(?=\w{1,20}\s?=\s?\w{1,30}\()", "; "),
    _text(r"(?<=\))\s?;?\s{1,9}(?=(?:(?:tf|keras|nn|torch|layers)\.){0,3}(?:<CLASS>|<K>|bi\w{1,20})\s?\()", ", "),
    _text(
        r"(?<![\w.])((?:SimpleRNN|RNN|LSTM|GRU)\([0-9]{1,9}),(?![^()]*(?:hidden_size|batch_first|num_layers))"
        r"\s*bi(?:directional)?(?:\s?=\s?True)?((?:,\s*\w{1,30}(?:=\w{1,20})?){0,4}\))",
        r"Bidirectional(\1\2)",
    ),
    _text(r"(?<=[(,])\s*(bidirectional|return_sequences|go_backwards|mask_zero)(?=\s*[,)])", r" \1=True"),
    _text(r"(?<=,)\s*(?:return\s)?seq(?:uences)?(?=\s*[,)])", " return_sequences=True"),
    _text(r"\bnn\.bi(?:directional)?_?(lstm|gru|rnn)(\([^()]{1,99})\)", r"nn.\1\2, bidirectional=True)"),
    _text(r"\b(?:bidirectional|bi|b)[-_]?(lstm|gru|rnn)\s?(\((?:[^()]|\([^()]*\)){1,99}\))", r"Bidirectional(\1\2)"),
    _text(r"\bBidirectional\((\w{3,9}\([^()]{1,99})\),\s*(return_sequences\s?=\s?\w{4,5})", r"Bidirectional(\1, \2)"),
    _text(r"\b(softmax|sigmoid)\(([0-9]{1,9})\)", r"Dense(\2, activation='\1')"),
    _text(r"(?<![.\w])\w{1,20}(?=\([0-9])", _called),
    _text(r"(\b(?:Bidirectional\()?(?:<K>|<CLASS>)\([^()]{1,99}\)\)?)\s*[*x]\s*([2-9])\b", repeated),
    _text(r"(?<=\w)\s?(?:[-+*:=]=|-(?=True|False))\s?(?=['\"\w(])", "="),
    _text(r"(?<=[a-z])(?:-_|_-)(?=[a-z])", "_"),
    _text(r"(?<=\w)(['\"])=(?=\w{1,30}\1)", r"=\1"),
    _text(r"(?<==)(['\"])(\w{1,30})(?=\s?[,)\]])", r"\1\2\1"),
    _text(r"(?<=[(,\s])(\w{1,20}_\w{1,20}|units|bias|dropout|bidirectional)(?:\s?:\s?|\s)(?=<GIVEN>\s*[,)])", r"\1="),
    _text(r"(?<=,)[a-z](?=\s[a-z_]{2,40}\s?=)|(?<=['\")\]])0(?=[)\],\s]|$)", ""),
    _text(r"(?<=[\w'\")\]])[ \t]{1,9}(?=[a-z_]{2,40}\s?=[^=])", ", "),
    _text(
        r"(?<=\))(?!\s*\+\s*(?-i:[a-z_]\w{0,30})\s*(?:[;)]|$))"  # the sum with a variable, `Dense(3)(x) + x`
        r"\s*(?:[-+|&/>→]{1,9}|%>%|and|then|plus|followed by)\s*(?=[a-z])",
        ", ",
    ),
    _text(r"(?<![\w.(=])((?:nn\.)?(?:ReLU|Tanh|Sigmoid|Softmax|Flatten|(?:Batch|Layer)Norm\w*))(?=\s*,|\s*$)", r"\1()"),
    _text(r"\b(Global\w{3,9}Pool\w{0,6})(?=\s*,|\s*$)", r"\1()"),
)
"""Other ways to write calls of Keras and PyTorch, as PyTorch prints them or with other signs between the calls; all of
these rows are applied in turn."""


def as_calls(text: str) -> str:
    """Return a text with calls as the frameworks write them."""
    if len(text) >= 1000:
        return text
    text = re.sub(r"[^\w\x00-\x7f]+", lambda found: in_ascii(found[0]), text)
    for row in _CALLS:
        text = compiled(row.pattern).sub(row.becomes, text)
    return text
