"""Rewrites from other ways to write a spec, as a table: where to look, a pattern, its replacement, and its words.

Order matters: the first row that leads to a network which keeps everything that was typed is suggested. Rows are tried
on texts of at most a thousand characters; in a longer text, only on the layer at fault.
"""

from __future__ import annotations

import re
from functools import partial

from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.language.pattern_words import (
    FIELD_WORDS,
    NAMED,
    SETTINGS,
    SMALL_WORDS,
    THEIR_SMALL_WORDS,
    TWO_SIZES,
    WHOLE,
    in_digits,
    repeated,
    squeezed,
)
from rnncli.language.rewriting import Rewrite
from rnncli.layers import KINDS, LSTM
from rnncli.layers.words import in_both
from rnncli.quantities import FEW, SCALES, in_words, nearest_size


def _fraction(found: re.Match[str]) -> str:
    """`dropout:20%`, `dropout:1/2` -> `dropout:0.2`, `dropout:0.5`."""
    return f"{found[1]}{float(found[2]) / max(1, int(found[3] or 100)):g}"


def _padded(found: re.Match[str]) -> str:
    """`conv:16x3:pad=1` -> `conv:16x3:same`, if so many zeros on both sides keep the length; `pad=0` is left out."""
    padding = int(found[3])
    if padding == 0:
        return found[1]
    return f"{found[1]}:same" if 2 * padding + 1 == int(found[2]) else found[0]


def _one_each(found: re.Match[str]) -> str:
    """`lstm:64-32:bi` -> `lstm:64:bi,lstm:32:bi`, all with its fields; a single unit at the end is an output."""
    layers = [f"{found[1]}:{size.strip()}{found[3]}" for size in re.split("[-+/]", found[2])]
    return ",".join([*layers[:-1], re.sub(r"^(?:lstm|gru|rnn):1$", "dense:1", layers[-1])])


def _layers(found: re.Match[str]) -> str:
    """`2-layer lstm:8`, `2-layer lstm:8-4` -> `lstm:8:x2`, `lstm:8-4`: a size for each layer is not repeated."""
    return found[2] if len(re.findall("[0-9]+", found[2])) == int(found[1]) else f"{found[2]}:x{found[1]}"


def _key(found: re.Match[str]) -> str:
    """`:s2`, `:dilated=2` -> `:stride=2`, `:dilation=2`: the key with the same beginning, if there is only one."""
    keys = [key for key in WHOLE if key.startswith(found[1].lower()[:5])]  # dilated, dilation
    return f":{keys[0]}=" if len(keys) == 1 else found[0]


def _class(found: re.Match[str]) -> str:
    """`GlobalMaxPooling1D`, `repeat_vector` -> `pool:max`, `repeat`."""
    return NAMED.get(found[0].lower()) or NAMED.get(squeezed(found[0]), found[0])


def _moved(found: re.Match[str]) -> str:
    """`8g,ru:4`, `8m:ask`, `lst:m4` -> `8,gru:4`, `8:mask`, `lstm:4`."""
    word = f"{found[1]}{found[3]}".lower()
    if len(found[1]) > 1:
        return found[0] if found[1].lower() in TWO_SIZES else f"{word}:"
    return f"{found[2]}{word}" if word in (KINDS if found[2] == "," else FIELD_WORDS) else found[0]


_SETTING = r"(?<!\w)(\w{1,30})[\"']?\s{0,9}[:=]\s{0,9}[\"']?([\w.]{1,30})(?!\w)"


def _of_settings(found: re.Match[str]) -> str:
    """`{"type": "lstm", "units": 32}`, `d=8, h=64, l=2` -> `lstm:32`, `input:8,lstm:64:x2`."""
    kinds = rf"\b(?!input)({'|'.join(KINDS)})\b\W{{0,2}}[:=]\s?(?:\{{|([0-9]+)(?![.\w]))"  # lstm: 32, lstm: {units: 32}
    text = re.sub(kinds, lambda each: f"kind: {each[1]}, " + (f"units: {each[2]}" if each[2] else ""), found[0].lower())
    text = re.sub(r"\brnn_(?!type)", "", text) if "rnn_type" in text else text
    text = re.sub(r"\bhidden\s(?=[a-z])|\b(?:layers|model|dict|\w{0,20}config)\W{0,3}(?=[\[({]|\s*-)", "", text)
    rest = re.sub(_SETTING, "", text).strip(" ,;\n-")
    if rest in KINDS:  # d=8, h=64, lstm
        text += f", kind: {rest}"
    elif re.search(r"[\w:=]", rest):
        return found[0]
    layers = []
    for part in re.split(r"\}\s*,\s*\{|\n\s*-\s", text):
        named = [(SETTINGS.get(name, name), value) for name, value in re.findall(_SETTING, part)]
        given = dict(named)
        if len(given) < len(named) or not given.keys() <= {*SETTINGS.values(), *FIELD_WORDS, *FRAMEWORK_WORDS}:
            return found[0]
        features, units = given.pop("input_size", ""), given.pop("hidden_size", "")
        kind = given.pop("kind", "") or re.sub("_[0-9]+$", "", given.pop("name", "lstm"))
        if "vocab" in given or "dim" in given:
            layers.append(f"embed:{given.pop('vocab', features)}x{given.pop('dim', features)}")
        elif features:
            layers.append(f"input:{given.pop('steps') + 'x' if 'steps' in given else ''}{features}")
        output, times = given.pop("output", ""), given.pop("num_layers", "1")
        fields = "".join(f":{name}={value}" for name, value in given.items()) + (f":x{times}" if times != "1" else "")
        layers += [f"{kind}:{units}{fields}"] if units else []
        layers += [f"dense:{output}"] if output else []
    return ",".join(layers)


_text, _part, _layer, _pattern = (partial(Rewrite, where) for where in ("text", "part", "layer", "pattern"))
_same_text, _same_part = (partial(each, computes=True) for each in (_text, _part))
_invented = partial(_text, lead="for example", invents=True)

_COLONS = "fields are separated by colons, not by {}"
_comma = partial(_text, becomes=",", lead="with commas", message="layers are separated by commas, not by {}")
_SIZES = "write a colon before the size of a layer, not as in {}"
_X = "sizes are joined by x, not as in {}"
_OWN, _NOT_THIS = "with a blank of its own", "a blank stands for its number alone, not for {}"
_BRACKETS = "sizes are joined by x, without brackets: {}"
_THOUSANDS = "a number is written without separators, not as in {}"
_KINDS = "each layer needs its own kind, not as in {}"
_POINT = "a fraction is written with a decimal point, not as in {}"
_LAYERSALONE = "a spec contains only layers, without {}"
_OPEN = "leave out an unknown length"
_IMAGE = "with an image's rows as timesteps"
_SAMPLES = "without the batch size, which is --batch"
_TIMESTEPS = r"with --timesteps \1"
_BETWEEN = "with a comma between layers"
_READS_IDS = "an embedding reads the ids itself, without {}"
_READS = "a layer's input size follows from the previous layer"
_REPEATED = r"x\3 repeats a layer"
_REPEATS = r"x\1 repeats a layer and comes after it"
ALONE = "write only the number"
_BI = f"perhaps with {in_both(LSTM, 'merge_mode', 'concat')}"
_SEQ = f"perhaps {in_both(LSTM, 'return_sequences', True)}"
_NO_BIAS = f"perhaps {in_both(LSTM, 'use_bias', False)}"
_BACK = f"perhaps {in_both(LSTM, 'go_backwards', True)}"
_INPUT_FIRST = "the first layer gives the input size"

AROUND = (
    _text(rf"^(?=[^()]*\b(?:{'|'.join({*SETTINGS} - {'input'})})[\"']?\s?[:=])[^()]+$", _of_settings),
    _text(r"^<S>(?:\{([^{}]{0,999})\}|\(([^():]{1,99}:[^()]{0,999})\))<S>$", r"\1\2"),
    _text(r"\\(?:text\w{0,3}|math\w{2,3})\{([^{}]{1,999})\}|\\(?=_)|\$(?=_)|(?<=[0-9])\$", r"\1"),
    _text(
        r"\$?\b((?:bi-?)?<K>)\$?(?:[:_$]{1,3}\s?)?\{<S>(<N>(?:x<N>)?|[a-z_]{3,20}\s?:[^{}]{1,99})<S>\}\$?",
        lambda found: f"{found[1]}:{re.sub(', ?', ':', re.sub(' ?: ?', '=', found[2]))}",
    ),
)
"""Ways to write what is around a spec, or one of its layers, which a pattern of several specs may also have."""

WRONG_ORDER = (
    _text(r"^<S>in(?:put)?:(<N>),<S>(?=<EMBED>:)", "", _TIMESTEPS, _READS_IDS, drops=True),
    _text(r"^(?!\s*<INPUT>\b)(.{1,999}),<S>(<INPUT>:[^,]{1,40})", r"\2,\1", message="a network starts with its input"),
)
"""Texts whose layers are all valid, but not in this order."""

REWRITES = (
    *AROUND,
    # around a spec, and between layers
    _text(r"^<S>(?:\w{1,40}<S>=<S>|layers<S>:<S>)?(?:nn\.)?(?:Sequential)?\(?\[(.*?)\]?\)?<S>$", r"\1"),
    _text(r"^<S>(?:torch\.)?nn[.,\s](<R>)[\s:([{]*(<N>)(?:[\s,;:x]|[-=]>){1,9}(<N>)[\s)\]}]*$", r"input:\2,\1:\3"),
    _same_text(r"^<S>[0-9]{1,5}[:.)\s]\s{0,9}(?=<INPUT>:[0-9])", "", "without the line number"),
    _same_text(r"^<S>[$%>]?<S>rnncli\s(?:[a-z]{3,10}\s)?", "", "without the command"),
    _same_text(r"(?<=[a-z0-9)\]])(?<![:=]0)[.!]<S>$", ""),
    _text(r"^([^{}]*)[{}]([^{}]*)$", r"\1\2", "without the brace"),
    _text(r"(?<=:)[(\[]<S>(?=<N>[^][()]*$)", ""),
    _text(r"\[(<K>|<CLASS>)\]<S>(?=(?:<UNITS><S>[=:]<S>)?[0-9])", r",\1 "),
    _text(r"\b(<ONE>|<TWO>)[:\s]\1(?=:)", r"\1"),
    _text(r"^(<N>(?:x<N>)?<S><TO>.*\b<R>.*<TO><S>)(<N>)$", r"\1dense:\2"),
    _text(r"^<S>(?:(?:model|net|network|\w{0,20}spec|arch)[0-9]?<S>[=:]|In ?\[[0-9]*\]:)<S>", "", message=_LAYERSALONE),
    _same_text(r"^<S>\w{1,20}<S>=<S>(?=<INPUT>:)", "", message=_LAYERSALONE),
    _same_text(
        r"^<S>(?:(?!(?:<K>|<FIELD>|<ACT>|not?|or)\b)[^\W\d_]{1,20}[^\w,]{1,3}){1,12}"
        r"(?=(?:<INPUT>|<EMBED>):<N>(?:[x,:]|$))",
        "",
        "without the remark",
    ),
    _text(r"^<S>(<K>)(?:[:\s]|(\())<S>(<N>)<S><ARROW><S>(<N>)(?![0-9]|<S><ARROW><S>[0-9])(?(2)\)?)", r"input:\3,\1:\4"),
    _text(r"^<S>(<ONE>):(<N>)<S><TO><S>(<N>)(?=,<S><ONE>:\3<S><TO>)", r"input:\2,\1:\3"),
    _same_text(r"([:x](<N>)<F><S>(?:,|>)<S>(?:<ONE>(?=[^,]+>)|<LINEAR>)[:\s(])\2<S><TO><S>(?=<N>\b)", r"\1", _READS),
    _text(r"\s{1,9}(?:#|//).*$", "", "without the comment", drops=True),
    _text(r"&(?:quot|nbsp|#39);|</?(?:code|pre|p|b|i|em|tt|span|br)\s?/?>", "", "without the HTML", drops=True),
    _text(r"(?<!\w)\*\*|\*\*(?!\w)", ""),
    _same_text(r"(?<=[0-9a-z])<S>(?:->)?<S>[(\[]<REMARK>[^()]{0,99}[)\]]<S>$", "", "without the remark"),
    _same_text(r"<WITH>(?:both|two|2)[-\s]?(?:directions?|ways?)<END>", ":bi", _BI),
    _same_text(
        r"\b(?:(?:<FEW>|one)[\s-])?(?:hundred|thousand)\b"
        r"(?:\s(?:and\s)?(?:<FEW>|one|thousand)\b(?!\s(?:stacked\s|deep\s)?(?:bi\S{0,12}\s)?(?:<K>|<LAYERS>)))*",
        lambda found: in_words(found[0]),
    ),
    _same_text(r"(?:^|(?<=,))<S>(<FEW>)\s(?=<R>:)", lambda found: f"{FEW[found[1].lower()]}x"),
    _same_text(r"\b(?:<FEW>)\b", lambda found: FEW[found[0].lower()]),
    _text(rf"(?:^|(?<=\s))(?:{SMALL_WORDS}|{THEIR_SMALL_WORDS})\s{{1,9}}", ""),
    _same_text(r"(?:^|(?<=,))<S>(?:1|one)\s(?=(?:bi-?directional\s|bi?-?)?<K>\s<LAYERS>)", ""),
    _text(r"\b([2-9]\s(?:stacked\s|deep\s)?(?:bi-?directional\s|bi?-?)?<R>)s\b", r"\1 layers"),
    _text(r"\b(<R>)(?:s|[-\s]rnn)\b", r"\1"),
    _text(r"\b(dropout)\s(?:rate|ratio|prob\w*)(?=\s)", r"\1"),
    _text(r"\b(<ONE>)_(?:units|size|dim)(?=\s?[=:]\s?[0-9])", r"\1"),
    _same_text(r"(?<=[a-z])[\s,]\s{0,9}(?:1|one)[-\s](?:hidden\s)?<LAYERS>(?=[\s,]|$)", ""),
    _text(r"\b(input|hidden|output)[\s-](?:dim\w{0,9}|size)[\s:]{1,3}(?=[0-9])", r"\1_size="),
    _text(r"\b(<N>)(?:<WIDE>|[\s-](?:way|class))[\s-](?!embed)((?:bi-?directional\s|bi-?)?<K>|<ACT>)\b", r"\2 \1"),
    _text(r"\b(<N>)[\s-](?:hidden\s)?<CELLS>\s((?:bi-?directional\s|bi?-?)<R>)\b", r"\2 \1"),
    _text(r"\b<EMBED>\s(?:from\s)?(<N>)(?:\s(?:words|tokens))?\s(?:in|into|by|to)\s(<N>)(?:<WIDE>)?", r"embed:\1x\2"),
    _text(
        r"\b(?:bi-?directional\s|bi-?|b)(<R>)((?:,|\s)[^0-9:]{0,40}?)(<N>)(?![0-9]|[-\s]<LAYERS>)"
        r"(?:[\s-](?:hidden\s)?<CELLS>)?(?:\s(?:per|each|in\seach)\sdirection)?(?=[\s,]|$)",
        r"\1\2\3:bi",
        _BI,
    ),
    _comma(r",?\s{1,9}<AND>\s{1,9}(?:then\s{1,9})?"),
    _text(r"\b(<R>)\s?\(([2-9]\s<LAYERS>,[^()]{1,99})\)", r"\1, \2"),
    _text(r"^(?!<INPUT>\b)(.{1,200}?)(?:,<S>|\s(?:(?:on|from)\s)?)(<N>)\s<MEASURED>(?=,|$)", r"input:\2,\1"),
    _text(r"^<S>(?:<INPUT>\s)?(<N>)[\s-]<MEASURED>(?=,)", r"input:\1"),
    _text(r"^<S>(<INPUT>):(<N>),(.{1,200}?),<S>(<N>)\s<STEPS>$", r"\1:\4x\2,\3"),
    _text(r"^(.{1,200}?),<S>emb\w*\s(?:dim\w*|size)\s(<N>),<S>vocab\w*(?:\ssize)?\s(<N>)$", r"embed:\3x\2,\1"),
    _same_text(r"\b(<INPUT>[:\s]<N>)\s?<STEPS>\s?<X>\s?(<N>)(?:\s?<MEASURED>|(?=<S>,))", r"\1x\2"),
    _same_text(r"\b(<INPUT>)[:\s](<N>)(?:\s<MEASURED>)?\s?<X>\s?(<N>)\s<STEPS>", r"\1:\3x\2"),
    _invented(r"^<S>(<INPUT>)[:\s](<N>)\s<STEPS>(?=<S>,)", r"\1:\2x1"),
    _text(r"(?<=,)<S>(<N>)[\s-]<OUTPUTS>(?=,|$)", r"dense:\1"),
    _text(r"[,\s]\s{0,9}(?:proj\w{0,6}(?:\s(?:of|size))?[\s:=](<N>)|(<N>)\sproj(?:ection)?)(?=[,)]|$)", r":proj=\1\2"),
    _text(r"\blstmp[\s:](<N>)[-/x,:](<N>)", r"lstm:\1:proj=\2"),
    _invented(r"\bembed\w*[\s:](<N>)<WIDE>(?=,|$)|\b(<N>)<WIDE>\s{1,9}(?:word\s)?embed\w{0,9}", r"embed:10000x\1\2"),
    _text(r"(?<=[0-9])[\s-](?:hidden\s)?(?:<CELLS>|<NOUNS>)(?:\s(?:each|respectively|(?:per|in\seach)\slayer))?\b", ""),
    _text(r"\s?[(\[]<S>drop(?:out)?[\s=:]{1,3}(0?\.[0-9]{1,9})<S>[)\]]", r",dropout:\1"),
    _text(r"(?<=[0-9])\s{1,9}hidden(?=\s{1,9}(?:<R>|<LAYERS>)\b)", ""),
    _text(r"\b(<N>)\s{1,9}(<R>)\s{1,9}(?:hidden\s)?<CELLS>\b", r"\2:\1"),
    _same_text(r"(?:^|(?<=,))<S>(?:(?:1|one|single)[-\s])?(?:hidden\s)?<LAYERS>\s{1,9}(?=(?:<K>|<CLASS>)\b)", ""),
    _text(r"(<R>)(?:,<S>|\s)(?:hidden[\s-])?<UNITS>[\s:=]{1,3}(?=[0-9])", r"\1:", ALONE),
    _text(r"\b([2-9])\s(<LINEAR>)\s<LAYERS>[\s:](<N>)(?:[\s-]<OUTPUTS>)?(?=,|$)", r"\2:\3:x\1", _REPEATS),
    _text(r"\b(<LINEAR>)(?:\s<LAYERS>)?[\s:](<N>)[\s-]<OUTPUTS>\b", r"\1:\2"),
    _text(r"\b(<K>)\s<LAYERS>(?:\s?(?=\([0-9])|\s<CELLS>(?=\s[0-9]))", r"\1"),
    _same_text(r"[(\[]([^][()]{1,99},[^][()]{1,99})[)\]]<S>[x*×]<S>([2-9])(?=,|$)", repeated),
    _text(r"\b(<N>)\s(?:conv\w{0,9}\s)?filters\s(?:of\s)?(?:size|width|length)\s(<N>)", r"conv:\1x\2"),
    _text(r"(^|,)<S>([2-9])<S>[x×]<S>(<N>)\s{1,9}(<R>)\b", r"\1\4:\3:x\2", r"x\2 repeats a layer"),
    _text(r"\b(<R>),?\s{1,9}([2-9])\s{1,9}<LAYERS>,?\s{1,9}(?:<AND>\s)?(<N>)", r"\1:\3:x\2", r"x\2 repeats a layer"),
    _same_text(r"(?:<NOT>(?<![:\s]no)(?:use_)?(?:bias|biais|sesgo)|[:\s]bias-?less)\b\)?", ":nobias", _NO_BIAS),
    _same_text(r"(?:<NOT>(?:unit[-_\s])?forget[-_\s]?bias|:forgetbias=(?:no|off|false))\b", ":forgetbias=0"),
    _same_text(r"<NOT>(?:<FLAG>|bi-?directional|dropout)<END>", "", "leave it out"),
    _same_text(
        r"[:\s]\s*(?:(?:uni|one|single)[-\s]?direction\w*|return.{1,6}last|many\w*one)<END>", "", "leave it out"
    ),
    _same_text(r",<S>(act(?:ivation)?:(?:linear|identity|none))(?::x<N>)?(?=,|$)", "", r"without \1"),
    _text(r"(?<=,)<S>([2-9])\s{1,9}(?=<R>[:\s]?[0-9])", r"\1x"),
    _text(r"(?<=[0-9])(?:,\s|\s{1,9})([2-9])\s{1,9}<LAYERS>(?=,|$)", r":x\1", r"x\1 repeats a layer"),
    _same_text(r"<WITH>(?:times\s{1,9}([2-9])|([2-9])\s?<TIMES>)<END>", r":x\1\2", r"x\1\2 repeats a layer"),
    _text(r"\b(?:stacked|deep|elman|vanilla)\s{1,9}(?=<R>\b)", ""),
    _same_text(r"<WITH>(?:return[\s-]seq|many.{1,4}many)\w{0,9}<END>", ":seq", _SEQ),
    _text(r"\bbi-?dire(?!ctional\b)[ckz]\w{1,12}\s{1,9}(?=<R>\b)", "bidirectional "),
    _text(r"^<S>([2-9])\s{1,9}(<R>)\s{1,9}<LAYERS>\s{1,9}(?=[0-9]{1,9}[-/,])", r"\1 layer \2 "),
    _text(r"^<S>([2-9])[-\s]<LAYERS>\s{1,9}(<R>[\s:][0-9]{1,9}(?:[-/,]<S>[0-9]{1,9})+)$", _layers),
    _text(r"(^|,)<S>([2-9]|1[0-2])\s{1,9}(<R>)\s{1,9}(?:hidden\s)?<LAYERS>\b", r"\1\2x\3"),
    _text(r"(?<!\b[2-9]\s)(?<!\b1[0-2]\s)\b(<K>)\s{1,9}<LAYERS>(?=[\s,:]|$)", r"\1"),
    _text(r"\b([2-9][-\s]<LAYERS>\s{1,9}<R>),<S>(?=[0-9])", r"\1 "),
    _text(r"\b(<ACT>)\s{1,9}activation\b", r"\1"),
    _text(r"\b(?:layer|(b)atch)[- ]norm(?:alization)?\b|\bnorm:(b)atch\b", r"\1\2norm"),
    _text(r"([)\]][(\[]<K>:[^][(),]{1,99})([)\]])<S>[x*×]<S>([2-9])(<F>)(?=[(\[]|$)", r"\1\4:x\3\2", _REPEATED),
    _comma(r"[)\]}]<S>[(\[{](?=<K>\b)"),
    _text(r"\u2190", "<"),
    _text(r"^(?:\W*[a-z][^<]*<)+\W*<INPUT>:[^<]+$", lambda it: ",".join(re.split("<-*", it[0])[::-1]), "reversed"),
    _text(r"(?<=[0-9])(<S>[(\[]<S>(?:(?:<FLAG>|<ACT>):)*(?:<FLAG>|<ACT>)),<S>(?=(?:<FLAG>|<ACT>)\b)", r"\1:"),
    _comma(r"(?<=[0-9])(?<!,[0-9])<S>(?:_|[^\w\s,:;|&>*×(){}[\]]{1,3})<S>(?=(?:<K>|<CLASS>)[:_-]?[0-9])"),
    _text(
        r"([:x][0-9]{1,10}(?-i:[kMG]?)|[:=](?:<FLAG>|<ACT>|<VALUE>)|[,+](?:b?norm|flatten))(?:<SLIP>|[-_/.=+])(?=<K>[:,+.])",
        r"\1,",
        _BETWEEN,
    ),
    _text(r"[(\[](<R>[-:_\s][^][(),]{1,99})[)\]]<S>[x*×]?<S>(?=[0-9]{1,4}(?:,|$))", r"\1:x", "with colons"),
    _comma(r"<S>(?:[-=~]{1,9}>{1,9}|>{1,9}|[;|&\n]|\\n|\\(?:right\w{5}|to)\b|\s[-+/]\s)[\s;|&>,-]{0,9}"),
    _comma(r"(?:^|\s)[^\w\s\x00-\x7f]{1,3}\s{1,9}"),
    _comma(r"(?<=[\w)])\s{1,9}(?=(?:<K>|<CLASS>)\b)"),
    _text(r"\b(<K>)\(([^()]{0,99})\)", lambda found: f"{found[1]}:{found[2].replace(',', ':')}"),
    _text(r"\b(<K>)<S>[\[<]([^][<>]{1,40})[\]>]", r"\1:\2"),
    _text(r"(?<=[0-9])([a-z])([,:])([a-z]+)", _moved),
    # numbers
    _part(r"(?-i:(?<=[0-9])L)(?=x|:|$)", ""),
    _part(r"(?<=[0-9]x):(?=[0-9])", ""),
    _same_part(
        r"(?-i:(?<![0-9a-wyzA-WYZ])(?=[0-9]*[OoIil])(?=[OoIil]*[0-9])[0-9OoIil]{1,10}(?=[0-9kMGx:,]|$))", in_digits
    ),
    _same_part(r"(?:(?<=[^dgv]:)|(?<=:)(?=0x\w+x))0x[0-9a-f]{1,7}(?=x|:|$)", lambda it: str(int(it[0], 16))),
    _same_part(
        r"(?<=[:x])([0-9]{1,6})([kmg])ib?(?=[:x]|$)", lambda it: str(int(it[1]) << 10 * " kmg".index(it[2].lower()))
    ),
    _part(r"(?<=[:x])([0-9]{1,6}[kmg])b(?=[:x]|$)", r"\1", drops=True),
    _same_part(r"(?<=[:x])\d{1,9}(?:(?:\^|\*\*)\d{1,2}|\.0{1,9})(?=[:x]|$)", lambda it: nearest_size(it[0]) or it[0]),
    _text(r"(?<=embed:[0-9]),(?=[0-9]{1,2}[kM]x)", ".", message=_POINT),
    _text(r"(?<=[0-9])\s{1,9}(?=(?-i:[kKMG])(?:<S>x|[:,]|$))", ""),
    _text(r"(?<=[:(\[=])<S>(?:None|null|any|[?*TLNB]|-1|batch)<S>[x,*]<S>(?=[0-9?*(-]|[TLN]\b|None)", "", _OPEN),
    _text(r"[(\[]<S>(x[0-9]{1,4})<S>[)\]]", r":\1", "with colons"),
    _text(r"(?<=put:)[(\[]?<S>([0-9]{2,5})<S>[,x]<S>\1<S>[,x]<S>1<S>[)\]]?(?=,|$)", r"\1x\1", _IMAGE, drops=True),
    _text(r"(?<=put:)[(\[]<S><N><S>,<S>(<N>)<S>,<S>(<N>)<S>[)\]]", r"\1x\2", _SAMPLES, drops=True),
    _text(r"\b(<ONE>):<S>[(\[]<S>(<N>(?:(?:<S>,<S>|\s{1,9})<N>){1,9})<S>[)\]]", r"\1:\2", message=_KINDS),
    _text(r"(?<!\w)[(\[]<S>(<N>)<S>[,x*]<S>(<N>)<S>[)\]]", r"\1x\2", message=_BRACKETS),
    _text(r"(?<!\w)[(\[]<S>(<N>)<S>,?<S>[)\]]", r"\1", message=_BRACKETS),
    _text(r"(?:(?<=\binput:)|(?<=\bin:))<N>x(?=<N>x<N>(?:,|$))", "", _SAMPLES, drops=True),
    _text(
        r"(?<=\bembed:)([0-9]{1,9})x([0-9]{1,9})(?=x[0-9]{1,9}(?:[:,]|$))",
        lambda found: found[2] if int(found[1]) < int(found[2]) else found[0],
        _TIMESTEPS,
        drops=True,
    ),
    _text(r"(?<=\bembed:)(<N>x<N>)x([0-9]{1,9})(?=[:,]|$)", r"\1", r"with --timesteps \2", drops=True),
    _part(r"^(<INPUT>):(<N>):(?:<LENGTH>|length)=(<N>)$", r"\1:\3x\2"),
    _same_text(r"\b(<EMBED>:<N>x<N><F>):(?:<LENGTH>=)?(?=<N>(?:[:,]|$))", r"\1:length="),
    _text(r"(?:(?<=\w)\s{1,9}x|(?<=[a-z])\s{1,9}x\s)(?=[0-9])", ":x", "with colons", _COLONS),
    _part(r"\b(<R><F>:<N>)<S>\*<S>([0-9]{1,2})<E>", r"\1:x\2", r"x\2 repeats a layer"),
    _text(r"(?<=[0-9kMG])<S>(?:[x*×]|by)<S>(?=[0-9])", "x", message=_X),
    _text(r"((?:bi[-_]?)?<ONE>):(<N>(?:<S>[-+/]<S><N>){1,9})(<F>)(?=[:,]|$)", _one_each, message=_KINDS),
    _text(r"(<TWO>:<N>)<S>[(\[]k?(<N>)[)\]]", r"\1x\2", message=_X),
    _text(r"(<TWO>:<N>)<S>[-/+@]<S>(?=<N>(?![0-9]|<S>hz))", r"\1x", message=_X),
    _text(
        r"(?<![0-9.])[1-9][0-9]{0,2}(?:[,. ]0[0-9]{2}){1,3}(?![0-9])",
        lambda found: re.sub("[,. ]", "", found[0]),
        message=_THOUSANDS,
    ),
    _text(r"((?:<R>|<LINEAR>):1),([0-9]{3})(?![0-9])", r"\1\2", message=_THOUSANDS),
    _text(r"(<TWO>:[0-9]{1,9})[,. ]([0-9]{3,9})(?=(?:[,. ][0-9]{3}){0,2}[x, ]<N>)", r"\1\2", message=_THOUSANDS),
    _text(r"(<P>[:=]0?),([0-9]{1,20})(?=,|$)", r"\1.\2", message=_POINT),
    _same_text(r"(<P>[:=])([0-9]{1,9}(?:\.[0-9]{1,9})?)<S>(?:%|/([0-9]{1,9}))(?=,|$)", _fraction),
    _text(r"\b(<TWO>:<N>)(?:<S>[,:]<S>|\s{1,9})(?=<N>(?:[\s,]|$|:(?!<K>\b)))", r"\1x", message=_X),
    _part(r"\b(<TWO>)(<F>):(?:<LEADS>=)?(<N>)(<F>):<WIDTH>=?(<N>)<E>", r"\1:\3x\5\2\4", ALONE),
    _part(r"\b(<TWO>)(<F>):<WIDTH>=?(<N>)(<F>):(?:<LEADS>=)?(<N>)<E>", r"\1:\5x\3\2\4", ALONE),
    _text(r"\b(<TWO>):<ENDS>=(<N>)[:,]<S><LEADS>=(<N>)", r"\1:\3x\2", ALONE),
    _text(r"\b(<TWO>):\w{1,20}=(<N>)[:,]<S>\w{1,20}=(<N>)", r"\1:\2x\3", ALONE),
    _text(r"^<S>x[:=](?=<N>)", "input:"),
    _part(r"\b(<SLIDES>:[0-9]{1,4})k(?=[0-9]{1,2}(?:[sd:]|$))", r"\1x", message=_X),
    _text(r"(<TWO>:[0-9]{1,9}[kMG])(?=[0-9])", r"\1x", message=_X),
    _part(r"(<TWO>:[0-9]{1,9}[kMG]?)(?!e[0-9](?![0-9]))[ac-fh-jln-wyz](?=[0-9])", r"\1x", message=_X),
    _text(r"^<S>vocab\w{0,9}[=:\s](<N>),<S>(?:emb\w{0,9}|(?:emb\w{0,9}\s?)?dim\w{0,9})[=:\s](<N>)", r"embed:\1x\2"),
    _part(r"^(<P>):p(?=[0-9.])", r"\1:"),
    _part(r"(?:(?<=[:x][12])|(?<=^[12]))b(?=x|:|$)", "G"),
    _same_part(r"(?<=[0-9])<S><SCALE>(?=<S>(?:x|:|$))", lambda found: SCALES[found[0].strip().lower()]),
    _part(r"(?<=:)(?:[0-9]+(?:\*_?[a-wyz]\w*|_?[a-fh-jln-wyz])|_?[a-wyz]\w*[*/+][0-9]+)(?=:|$)", "_b", _OWN, _NOT_THIS),
    # spaces
    _text(r"(?<=[a-z0-9])\s{1,9}--?(?=[a-z]{2})", ":", "with colons", _COLONS),
    _text(r"(?<=[0-9a-z])\s{1,9}(<WHOLE>)s?\s?[\s=:]\s?(?=[0-9])", r":\1=", "with colons"),
    _text(r"(?<=[a-z])\s{1,9}(?=[0-9])", ":", "with colons", _COLONS),
    _comma(r"(?<=[\w)])\s{1,9}(?=\w{1,40}\s?:)"),
    _text(r"(?<=[\w)])\s{1,9}(?=\w)", ":", "with colons", _COLONS),
    _text(r"^<S>,[\s,]{0,99}|<S>,[\s,.]{0,99}$", "", "leave the comma out"),
    _text(r",(?:\s{0,9},){1,99}", ",", "leave the comma out"),
    _text(r"((?:^|,)<S>(?!flatten|b?norm)[a-z]{1,20})<S>,<S>:(?=[0-9])", r"\1:", "leave the comma out"),
    _text(r"(?<![:\w])(<K>)<S>:<S>(?=,|$)", r"\1", ""),
    _text(r":(?=:)|:<S>(?=,|$)", "", "leave the colon out"),
    # kinds and sizes
    _text(r"(?<![:\w])(?<![0-9]\s)(<K>)<S>[,=]<S>(?=[0-9]|_)", r"\1:", message=_SIZES),
    _text(r"\b(<P>)<S>=?<S>(?=\.[0-9])", r"\1:", message=_SIZES),
    _part(r"^(?-i:(?=[a-z]))(<K>)[(\[](?=[0-9])", r"\1:"),
    _layer(r"(<ONE>)_([0-9]{1,4}(?:_(?!000)[0-9]{1,4})+)", lambda found: f"{found[1]}:{found[2].replace('_', '-')}"),
    _layer(r"(<K>)([1-9]):(0.*)", r"\1:\2\3", computes=True),
    _same_part(r"^(<K>|<CLASS>)(?:[1-9]|[-_][0-9]{1,2})(?=:<N>)", r"\1", "layers are not numbered"),
    _part(r"^(<SLIDES>)([1-9])-([0-9]{2,4})(?=:|$)", r"\1:\3x\2", message=_X),
    _layer(r"(<K>|<CLASS>(?!\.))(?:[-_/.@#~ ]?|(?<=repeat)x)([0-9](?!d).*)", r"\1:\2", message=_SIZES),
    _part(r"^([a-z]{2,6})(:)([a-z])(?=[0-9.])", _moved),
    _part(r"(?<=:)([a-z]{3,9})=([a-z])(?=[0-9])", r"\1\2="),
    _same_part(r"^(<INPUT>:[0-9]{1,9})(?:ch|axes|axis)$", r"\1", ALONE),
    _part(r"(?:(?<=put:)[xftd]|(?<=:)[#<~≤≈]{1,2})(?=[0-9])", ""),
    _same_part(r"(?<=[0-9])x[kdf](?=[0-9])", "x"),
    _part(r"([0-9]|:(?:<FLAG>|<ACT>))[-_/.=+@](?=(?:<FIELD>|<ACT>)\b)", r"\1:"),
    _same_part(r"(?<=:)([0-9]{1,9}):([0-9])(?=(?:<FIELD>|<ACT>)\b)", r"\1\2:"),
    _part(r"(?<=[0-9])(?:<S>[(\[])?<SLIP>((?![0-9])(?:<FIELD>\b|<VALUE>\b|<KEY>=)[^][()]{0,20})[)\]]?", r":\1"),
    _text(r"\b(<K>):?([0-9]{1,9}):?(?=<K>[0-9])", r"\1:\2,", _BETWEEN),
    _layer(r"(<FLAG>|<ACT>|x[0-9]{1,4}):((?:<R>|<LINEAR>):.*)", r"\2:\1", "the kind comes first"),
    _text(r":<S>(?=(?:<K>|\w{3,6}_?pool\w{0,9}):<N>)", ",", _BETWEEN),
    _text(r":<S>(?=(?:b?norm|pool|(?:layer|batch)_?norm)\b)", ",", _BETWEEN),
    _layer(r"([0-9]{1,4})<S>[x*×]<S>((?:bi[-_]?)?<K>.*)", r"\2:x\1", _REPEATS),
    _layer(r"(<K>)<S>[x*×]<S>([0-9]{1,4})(:.*)", r"\1\3:x\2", r"x\2 repeats a layer"),
    _layer(r"([2-9])[-_ ]?(<R>)(:<N>.*)", r"\2\3:x\1", _REPEATS),
    _layer(r"(<N>(?:x<N>)?|0?\.[0-9]{1,9})[:x]?<S>(<K>)((?:[^0-9_].*)?)", r"\2:\1\3", "the kind comes first"),
    _text(r"^<S>([0-9]{1,10}[kMG]?(?:x[0-9]{1,10})?)(?=[,:]<S>[a-z])", r"input:\1", _INPUT_FIRST),
    _part(r"\b(?!<SIZED>)(<K>(?::\w{1,20}){0,9}):<UNITS>[=:](?=[0-9]|_)", r"\1:", ALONE),
    _part(r"\b(?!<SIZED>)(<K>)((?::\w{1,20}){0,9}):(?:k|kernel|filters|units)(?=[0-9]+(?::[a-z]|$))", r"\1\2:", ALONE),
    _same_part(r"^\w{1,20}=(?=<K>:)", "", "layers have no names"),
    _layer(r"bi-?directional[:(](<R>:.*?)\)?", r"\1:bi", ""),
    _layer(r"rnn((?::<N>)?)[:=](?:(?:cell|type|kind)=)?(lstm|gru)\b(.*)", r"\2\1\3"),
    _layer(r"(?:bi-?directional|bidir|bi|b)[-_:. (]?(<R>)([^()]*)\)?", r"\1\2:bi", _BI),
    _layer(r"(<R>)[-_. ]?(?:bidirectional|bidir|bi)(:.*)", r"\1\2:bi", _BI),
    _layer(r"(<R>)[-_](<ACT>)(:.*)", r"\1\3:\2"),
    _text(r"\b(<R>:(?![^,]*seq)[^,]*)(?=,<S><EACH>[:(])", r"\1:seq", _SEQ),
    _layer(r"<EACH>[:(](<K>.*?)\)?", r"\1", ""),
    _layer(r"<EACH>:(<N>.*)", r"dense:\1"),
    _layer(r"(?:cudnn|(?:(?:tf|keras|nn|torch|layers)\.){1,4}|stacked|deep|layer(?!_?norm))[-_]?(<K>\b.*)", r"\1"),
    _layer(r"(<K>|<CLASS>|<ACT>)_layer\b(.*)", r"\1\2"),
    _part(r"^[a-z]\w{1,40}", _class, "perhaps {}"),
    _layer(r"(<ACT>):(<N>)", r"dense:\2:\1"),
    _layer(r"(<ACT>):act(?:ivation)?", r"act:\1"),
    # a second number
    _part(r"\b(<R><F>:)([2-6])x([0-9]{2,9}[kM]?)<E>", r"\1\3:x\2", r"x\2 repeats a layer"),
    _layer(r"([2-9]|1[0-2])[- ]?<LAYERS>[-: ](.*)", _layers, _REPEATS),
    _same_part(r":(?:x[-_= x:]|[a-z]x|\*)(?=[0-9])", ":x"),
    _same_part(r":(?:[a-z]{1,3}|bi:m[a-z]{3,4})=(?=(?:concat|sum|mul|ave)<E>)", ":bi="),
    _same_part(r"(?<=eps=1)[a-z]{1,2}-(?=[0-9])", "e-"),
    _part(r"\b(<R><F>:[0-9]{2,}[kM]?(?::<FLAG>){0,9})[:x*]0?([2-9]|1[0-2])<E>", r"\1:x\2", "perhaps several layers"),
    _same_text(r"([:x](<N>)<F>,<S><ONE>:)\2[x:](?=<N>(?:[:,]|$))", r"\1", _READS),
    _part(r"\b(?!repeat)(<ONE>)(<F>:(?!0)<N>)[:x](<N>)(:bi)?<E>", r"\1\2\4,\1:\3\4", "perhaps several layers"),
    _text(r"\b(<R>:?[0-9][^, ]{0,40}),<S>1<S>$", r"\1,dense:1", message=_KINDS),
    _text(r"\b(<ONE>)(:<S>[^, ]{0,40}[0-9][^, ]{0,40}),<S>(?=<N>(?:[,:]|$))", r"\1\2,\1:", message=_KINDS),
    _part(r":(?:(?:num_|n_)?layers?|l|stack\w*|depth|levels|times|repeat)<S>[=:]<S>([0-9]{1,4})", r":x\1", _REPEATS),
    _part(r"^(<R>:<N><F>):([0-9]{1,4})x<E>", r"\1:x\2", r"x\2 repeats a layer"),
    _part(r":(<FLAG>)<SLIP>(?=(?:x?[0-9]{1,9}|<FLAG>|<ACT>)(?:[:,]|$))", r":\1:"),
    _part(r":(<FLAG>)x:(?=[0-9]{1,4}(?::|$))", r":\1:x"),
    _part(r"(=<VALUE>)<SLIP>(?=<FIELD>=)", r"\1:"),
    _part(r"(:x[0-9]{1,4})[^\w\s:]{1,2}<E>", r"\1"),
    _text(r"(?<=[0-9a-z])<S>,<S>(?=x[0-9]{1,4}(?:[:,]|$))", ":", "with colons"),
    # fields
    _same_part(r":(?:(?:all|full|whole)?_?(?:seqs|se[qc]uen[a-z]+|ret[a-z]*_?seq)|all|full|rs)<ON><E>", ":seq", _SEQ),
    _part(r":([a-z_]{2,20})([0-9]{1,9})=<E>", r":\1=\2"),
    _part(r":(<WHOLE>)(?:s|_?size|ect(?:ion|ed))?[:=_-]?(?=[0-9])", r":\1=", r"perhaps \1="),
    _part(r":([a-z]{1,20})=?(?=[0-9]{1,9}(?::|$))", _key),
    _part(r"^(<SLIDES>:<N>x<N>.*?)[/:](?=[0-9]{1,3}(?::|$))", r"\1:stride="),
    _part(r"^(<SLIDES>:<N>x[0-9]{1,4})(?=[sd][0-9])", r"\1:"),
    _same_part(r"^(<SLIDES>:.*?):(?:steps?|hop)=(?=[0-9])", r"\1:stride="),
    _part(r"^(<WORD>)[x=@_-]?(?=[0-9])", r"\1:"),
    _same_part(r"^(<SLIDES>:<N>x([0-9]{1,3})):pad(?:ding)?=([0-9]{1,3})$", _padded),
    _part(r"^(<K>:.*?):drop(?:out)?(?:_?rate)?[=:](0?\.[0-9]{1,9})<E>(.*)", r"\1\3,dropout:\2", "as a separate layer"),
    _part(r":(<FLAG>|<VALUE>)<S>[=:]<S><YES><E>", r":\1", r"\1 takes no value"),
    _same_part(r":(<FLAG>)<S>[=:]<S><NO><E>", "", "leave it out"),
    _part(r":(?:rev(?:ers\w*)?|b(?:ack)?wa?r?ds?|ruckwarts|arriere|atras|dir\w*=(?:ba|re)\w*)<ON><E>", ":back", _BACK),
    _same_part(r"^(\w*norm\b.*?):(?:elementwise_)?affine<S>=<S><NO><E>", r"\1:nobias:noscale"),
    _same_part(r":(?:bi-?(?:dir|rnn)|b[ykou]|[vn]i|ib|both\w{0,5}|dir\w{0,6}=(?:bi|both)\w*)<ON><E>", ":bi", _BI),
    _part(r"^(gru:.*?):reset(?:_after)?<S>=<S><NO><E>", r"\1:reset=before"),
    _same_part(r":linear_before_reset<S>=<S><NO><E>", ":reset=before"),
    _part(r":(?:r_?act|recurrent_act|gates?(?:_act)?|inner_act)\w{0,7}<S>=", ":recact="),
    _same_part(r"(?<=[:=])hsigmoid<E>", "hard_sigmoid"),
    _part(r":non_?lin[a-z]{0,6}[:=](?=<ACT>(?::|$))", ":act="),
    _same_part(
        r"(?<=[:=])(?:(?:\w{1,12}\.){2,4}|(?:nn|torch)\.)(?=<ACT><E>)|(?<=[a-z])\((?:\w{3,4}=)?(?:-1)?\)<E>", ""
    ),
    _part(r":(<KEY>)(?:[-:_/.+|]|<SLIP>)(<VALUE>)<E>", r":\1=\2"),
    _part(r"^(<PLAIN>\b.*?):(<ACT>)<E>(.*)$", r"\1\3,act:\2", r"act:\2 is a separate layer"),
    _part(r":(?!<ACT>:|<FLAG>:)([a-z_]{3,30}):(<ACT>|<VALUE>|<YES>|<NO>)<E>", r":\1=\2"),
    _part(r"(?<=:)(\w{1,40})<S>=<S>(?:no|off)<E>", r"\1=False"),
    # a field in place of a layer
    _text(r"(?<=[0-9])<S>[,:]<S>masking(?:[:=(](?:mask_value=)?(?:0(?:\.0?)?)?\)?)?(?=[,:]|$)", ":mask", ""),
    _text(r"(?<=[0-9a-z])<S>,<S>(?=(?:<FIELD>)\b(?!:[0-9])(?:=\w{1,20})?(?:[,:]|$))", ":", ""),
    _text(
        r"((?:^|,)<S><LINEAR>:(?!\w*:<ACT>)[^,=]+),<S>(?:activation[:=])?(?=<ACT>(?:,|:[a-z]|$))(?!linear)", r"\1:", ""
    ),
    _text(r"(?<=[0-9a-z])<S>,<S>(?=(?:activation|act)<S>=<S><ACT>(?:[,:]|$))", ":", ""),
    _text(r"(?<=[0-9a-z])<S>,<S>(?=(?:same|valid|causal)(?:[,:]|$))", ":", ""),
    _same_text(r"(?:(?<=[0-9])|:seq),<S>last\w{0,9}(?=,|$)", "", "without seq a layer returns only its last output"),
    _text(r",<S>(?=<ACT>(?:,|$))", ",act:", ""),
    _part(r"^(<WORDED>)(?:[-_=]|<SLIP>)(<SAYS>)<E>", r"\1:\2", message=_SIZES),
    _text(r"\b(<WORD>),<S>(?=[0-9]{1,9}(?:[:,]|$))", r"\1:", "with a colon"),
    # the input
    _text(r"^(?!\s*<INPUT>\b)(.{1,99}?):(?:<FEATURES>)[=:]\(?([0-9x]{1,20})\)?(?=:|,|$)", r"input:\2,\1"),
    _text(r"^(<INPUT>):<S>(?:(?:batch|input)_)?shape<S>[=:]", r"\1:"),
    _text(r"^(?:(?:input_)?shape|input_size|input_dim)[=:]\(?([0-9x]{1,20})\)?(?=,|$)", r"input:\1"),
    _text(r"^<S><INPUT>:(<N>),<S>(<EMBED>):(<N>)(?=,|$)", r"\2:\1x\3", message=_READS_IDS),
    *WRONG_ORDER,
)
"""All rows, in the order in which they are tried."""


# Patterns: lists and ranges between braces


def _list_of(found: re.Match[str]) -> str:
    """Return a list; braces around a single word are removed."""
    words = [each for each in re.findall(r"\w+", found[1]) if each not in ("or", "and", "oder", "und")]
    return f"{{{','.join(words)}}}" if len(words) > 1 else words[0]


def _range_of(found: re.Match[str]) -> str:
    """Return a range; a single number becomes a range up to its double.

    With three numbers, the second is the step if none is smaller, as in MATLAB; otherwise the third is.
    """
    first, *more = numbers = [nearest_size(each) or each for each in found.groups() if each]
    if not all(map(str.isdecimal, numbers)):  # 0M
        return found[0]
    if len(more) < 2:
        return f"{{{first}..{more[0] if more else 2 * int(first)}}}"
    second, third = more
    last, step = (third, second) if int(second) <= int(first) < int(third) else (second, third)
    return f"{{{first}..{last}..{step}}}"


def _decimals(found: re.Match[str]) -> str:
    """Return a list of the numbers from the first to the second in steps of the third, if they are few."""
    texts = found.groups()
    digits = max(len(text.partition(".")[2]) for text in texts)
    first, last, step = (round(float(text) * 10**digits) for text in texts)
    numbers = range(first, last + 1, step or 1)
    if not 1 < len(numbers) <= 20:
        return f"{{{'..'.join(texts)}}}"
    return f"{{{','.join(f'{number / 10**digits:.{digits}f}' for number in numbers)}}}"


def _listed_range(found: re.Match[str]) -> str:
    """Return a range with its step, `16..64,16`, `16,32,...,128`, or with another number: `16..64,128`."""
    first, second, last = map(int, found.groups())
    if ".." in found[0].partition(",")[0]:
        return f"{{{first}..{second}..{last}}}" if 0 < last <= second - first else f"{{{{{first}..{second}}},{last}}}"
    return f"{{{first}..{last}..{max(second - first, 1)}}}"


_NUMBER = "([0-9]{1,10}[kM]?)"
_DECIMAL = r"([0-9]{0,9}\.[0-9]{1,9}|[0-9]{1,9})"
_TO = r" ?(?:\.{2,}|-|:|/|~|->|to|bis) ?"
_END = r"(?:\}|(?=[,:])|$)"
PATTERNS = (
    _pattern(r"\{(?=[^{}]*\.\.)([0-9]{1,9})(?:\.\.|, ?)([0-9]{1,9}), ?(?:\.{2,}, ?)?([0-9]{1,9})\}", _listed_range),
    _pattern(rf"\{{ ?{_NUMBER}{_TO}{_NUMBER}(?:(?:{_TO}| by | step |\+){_NUMBER})? ?\.*{_END}", _range_of),
    _pattern(rf"\{{(?=[0-9.]{{0,60}}[^.]\.[0-9]){_DECIMAL}\.\.{_DECIMAL}\.\.{_DECIMAL}\}}", _decimals),
    _pattern(rf"\{{ ?{_NUMBER} ?\.{{2,}} ?{_END}", _range_of),
    _pattern(r"\{([a-z]):([0-9]+(?:,[0-9]+)+)\}", r"{\1=\2}"),
    _pattern(r"\{([a-z]+:[^{},|;/]*)\}", r"\1"),
    _pattern(r"\{(\w+(?:[|;/ ]+\w+)*)\}", _list_of),
    _pattern(r"\{([0-9]+(?:,[0-9]+)+)(?=,[A-Za-z]|:|$)", _list_of),
    _pattern(rf"(?<=:){_NUMBER}:{_NUMBER}:{_NUMBER}(?=[,:]|$)", _range_of),
    _pattern(r"(?<![^,])([a-z]+(?:(?:[|/]| or )[a-z]+)+)(?=:)", _list_of),
    _pattern(r"(?<=[:x])(\d+(?:(?:\|\d+)+|(?:/\d+){2,}|(?:, ?\d+)*,? (?:or|and) \d+))(?=[,:x]|$)", _list_of),
    _pattern(rf"(?<=[:x])\{{?range\({_NUMBER}, ?{_NUMBER}(?:, ?{_NUMBER})?\)\}}?", _range_of),
    _pattern(r"(?<=[:x])[\[(<]([0-9]+(?:[,;| ]+[0-9]+)*)[\])>]", _list_of),
    _pattern(r"(?<![^,])[\[(<](\w+(?:[,;| ]+\w+)+)[\])>]", _list_of),
    _pattern(
        rf"(?<=[:x ])(?:from |between )?{_NUMBER} ?(?:\.{{2,}}|-|to|bis|and) ?{_NUMBER}(?: by {_NUMBER})?(?=[,:x]|$)",
        _range_of,
    ),
)
"""Ways to write a range or a list in a pattern of several specs; these rows use no sets of words."""
