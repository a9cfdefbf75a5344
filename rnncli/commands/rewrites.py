"""Rewrites from other ways to write a command line, as tables: a pattern for what was typed, and its replacement.

Order matters: the first row that leads to a valid line is suggested. Rows have the type of `rnncli.language.rewriting`;
in a pattern for a line, a space is the end of a word, a middle dot · a space inside a word, and … the rest of the line.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from itertools import product

from rnncli.errors import SpecError
from rnncli.language.rewriting import WITHOUT, Becomes, Rewrite
from rnncli.language.spec import parse
from rnncli.layers import KINDS
from rnncli.network import Network
from rnncli.quantities import SCALES, parse_number, without_thousands


def _by_name(names: Mapping[str, str]) -> Mapping[str, str]:
    """Return the meaning of each name, given the names of each meaning, separated by spaces."""
    return {name: meant for meant, several in names.items() for name in several.split()}


VALUES = _by_name(
    {
        "bfloat16": "brain bfloat",
        "json": "jsonl ndjson xml yaml yml records dict",
        "table": "text txt pretty",
        "csv": "excel xls xlsx pandas dataframe df parquet",
        "tsv": "tab tabs",
        "markdown": "md latex tex",
        "int8": "8 8bit 4bit int4 int integer uint8 q8 q7 s8 char quantized quantised",
        "float16": "16 16bit 2bytes",
        "float32": "32 32bit",
        "float64": "64 64bit np.float numpy.float jnp.float jax.numpy.float",
        "bash": "sh",
        "light": "white bright day lite",
        "always": "yes on true",
        "never": "no off false",
        "dark": "black night",
        "c": "c++ cpp arduino ansi-c cmsis cmsis-nn stm32 esp32 mcu tflm tflite tinyml "
        "cortex-m cortex-m0 cortex-m4 cortex-m7",
        "torch": "torchscript nn.module",
        "keras": "glorot xavier glorot_uniform",
        "uniform": "random rand u[0,1)",
    }
)
"""Words and the option value to suggest for each; some words mean something else than the suggestion."""


def _line(
    pattern: str, becomes: Becomes, lead: str = "", message: str = "", advice: str = "", drops: bool = False
) -> Rewrite:
    whole = pattern.replace("…", "((?: .*)?)")
    return Rewrite("line", whole, becomes, lead, message, advice=advice, drops=drops)


def _sized(found: re.Match[str]) -> str:
    """`compare lstm gru --units 8` -> `compare lstm:8 gru:8`; sizes in a list become a brace."""
    several = re.findall("[0-9]+", found[2])
    sizes = f"{{{','.join(several)}}}" if several[1:] else found[2]
    bare = "|".join(name for name, kind in KINDS.items() if kind.sizes.attributes == ("units",))
    return re.sub(rf"(?<=[\0,])({bare})(?=\0|$)", rf"\1:{sizes}", found[1], flags=re.IGNORECASE) + found[3]


def _apart(found: re.Match[str]) -> str:
    """`'input:8,lstm:4 and input:8,gru:4'` -> two specs."""
    between = r"(?:[,;|&.\s]|\b(?:and|or|with|vs|versus)\b\.?)+(?=input:|in:|embed(?:ding)?:)"
    return found[1] + re.sub(rf"(?<=[\w)}}\]]){between}", "\0", found[2], flags=re.IGNORECASE) + found[3]


def _with_field(found: re.Match[str]) -> str:
    """`input:8,gru:4,dense:1 --reset before` -> `input:8,gru:4:reset=before,dense:1`: the last layer that has it."""
    name, _, value = found[4].replace("-", "_").replace("\0", "=").partition("=")
    name = {"bidirectional": "bi", "no_bias": "nobias"}.get(name, name)
    fields = (f"{name}={value}",) if value else (name, f"{name}=True")
    typed = f"{found[1]}\0{found[2]}{found[3]}"
    line = "\0".join(_layer_with(fields, word) for word in typed.split("\0"))
    return f"{line}{found[5]}" if line != typed else found[0]


def _layer_with(fields: Sequence[str], spec: str) -> str:
    """Return a spec, template or pattern with the first of the fields that one of its layers has; else as it is."""
    layers = re.split(r",(?![^{}]*\})", spec)
    for place, field in product(reversed(range(len(layers) * (":" in spec))), fields):
        new = ",".join([*layers[:place], f"{layers[place]}:{field}", *layers[place + 1 :]])
        blanks = re.sub(r"\b_\w*", "8", new)
        with contextlib.suppress(SpecError):
            for end in (r"\1", r"\2"):  # the first and the last choice between braces
                Network(*parse(re.sub(r"\{([^{},.]*)(?:[^{}]*[,.])?([^{}]*)\}", end, blanks)))
            return new
    return spec


_SIZES = "units|hidden|hidden[-_](?:units|size|dim)|num[-_]units|out[-_]features"
_NO_SPEC, _NO_HYPHENS = r"'\2' is not a spec", r"an option begins with two hyphens: --\2"
_NO_SPACE, _QUOTES = r"a space ends a value, so '\3' is read as a spec", "put the value in quotes"
_EQUALS = r"(?:[-_]?(?=[0-9]+(?: |$))|= | = ?|<=?|[ =](?:by|of|from) |(?<= -\w)[=:])"
_LIST = "--pareto[ =][^ ]+?|--(?:input|lengths)[ =][0-9,]*[0-9](?=,? ~,?[0-9])"
_CUT_VALUE = r"a space ends a value, so \3 is '\4' and '\5' is read as a spec"
_NO_SORT = r"'\3' is not a spec; a - before the key sorts in descending order"
_SORTS_UP = r"'\3' is not a spec; without a - before the key the order is ascending"
_NAMED_PART = "(?:-p|--(?:part|layer|module))[ =]([^ ]+)"
_PART = r"'\3' is neither a file nor a spec; the part of a file comes after ::"
_AFTER_COLONS = r"the part of a file comes after ::, as in '\2::\3'"
_ONE_AT_A_TIME = r"\2 takes one value at a time, so '\4' is read as a spec"
_NO_VALUE = r"\2 takes no value, but '\3' is not a spec"
_AFTER_HYPHENS = r"after -- everything is an argument, so '\3' is read as a spec"
_C = "for a device it writes C99, whose header C++ programs can include"
_OPEN = "leave out an unknown size"
_BARE = "a spec needs no option"
_ONE_WORD = "separate specs with a space"
_PICTURE = r"\.(?:svg|png|pdf|jpe?g|gif)"
_NO_HELP = r"the option is --help, not \2"
_NO_LEAST = "limits are maximums; for a minimum, filter the rows of `sweep -f csv`"
_BYTES = "a size in bytes limits the memory"
_MANY, _FIFTH = r"\d+(?:\.\.[\d.]+|(?:,\d+)+)", r"'\5' is not a spec"
_BETWEEN = r"~(and|to|vs\.?|versus|with|against|or|then|&|\+|/)~"
_SMALL = r"an?|the|of|with|for|in|on|at|as|to|from|into|and|please|me|my|is|most|under|within|less|than|[?^`\\\s]"
_AMONG_OTHERS = "(?!sweep.* ~(?:from|to)~)(?=.* [^ -].* ~|.*~ (?:.* )?[^ -])"
_TRAINS = "(?:train|fit|learn|finetune|backprop|optimi[sz]e)"
_NOT_TRAINED = "nothing is trained here, but the exported source can be trained"
_SHOWS = "info|list|show|describe|print|view|ls|stats|parameters|params|shapes"
_NETWORK = r"([^ ]+[:(][^ ]*?|[^ ]+<FILE>)[?]?(?: [^ :(]+)*"
_SHELL = "a shell reads <, >, | and & only outside quotes"
_NEXT = r"(?:[|&]{1,2}|;)(?:\s*|~ )(?:rnncli|<COMMAND>|grep|head|tail|less|more|cat|tee|sed|awk|sort|wc|jq|cut)\b"
_LIMIT = "(?:(?:max-)?(?:params|memory|macs|outputs|streaming|training)|mem|flash|rom|s?ram)"
_BUDGETED = r"((?:solve|sweep)(?: [^ :]*:[^ ]*)*(?: -.*)?) ~[<=≤\s]*([0-9][^ :(]*)~((?: [^0-9].*)?)"
_RANGE = r"(?:\{[\w.,={}]*\}|[:x][0-9]+\.\.[0-9])"
_UP_TO = r"([0-9]+)\s*(?:to|bis|-|\.{2,3})\s*([0-9]+(?:\.\.[0-9]+)?)"
_BLANK = "(?:(?::|[0-9kmg]x)_[a-wyz0-9]*(?=[:x,~])|\\b(?:<INPUT>|<BODY>):[a-wyz?*](?=[:,~]))"
_NO_INPUT, _WITH_COMMAS = r"a network starts with input or embed, not with \3", "separate layers with commas"
_SIDES = "((?:compare|reach)(?: .*)?)"
_OWN = "each network needs its own input"
_SOURCE = r"<COMMAND>(?: .*)? (?:[^ ]+\.(?:py|ipynb)|[^ ]*\([^ ]*)(?: .*)?"
_FEATURES = "(?!<LONG>[ =])(?:in(?:put)?(?:[-_](?:size|dim|shape|features))?|features|shape)"
_CALL = r"(<COMMAND>[^(]*) ((?!.*embed)[^ (]+\([^ ]*)([^(]*)"
_OPENS = "(?:(?![bt][ =])[a-z]|hidden|units|vocab|classes|(?:hidden|n|num|vocab|emb|embed|embedding|input)_[a-z]+)"
_IS_SET = r"(?=.* --set[ =]([a-z]\w*)=([0-9]+))"
_OPENED = "use --set for a name that the source does not define"
_PIPED = "`> FILE` writes the output to a file"
_NO_OUTPUT = "(?!.* (?:-o|--output)[ =])"
_BEHIND_A_SPEC = r"(?=.*(?<!--set) [^-~ ][^ ]*[:(]|[^~]* [^-~ ][^ ]*<FILE>)(.*)"
_FORMAT, _PYTHON, _N = "(?:-f|--format)[ =]", r"\.(?:py|ipynb)\b", "[ =]([0-9]+[kmg]?)"
_N3 = r"\(?([0-9]+)[,x ]\s?([0-9]+)[,x ]\s?[0-9]+\)?"
_SECOND = r"((.*) (<OPTION>)[ =]([^ ]+)) ~([^ :(]+)~(.*)"
_PARTED = r"((.*) (<OPTION>)[ =]([0-9.]+(?= ~[a-z])|[a-z]+(?= ~[0-9]))) ~([a-z0-9]+)~(.*)"

LINES = (
    # options
    _line(r"(.*) -\s([^ ]+)", r"\1 \2", drops=True),
    _line(r"(.*) (-[a-z])\s([^ \s]+)\s([^ ]+)…", r"\1 \2 \3 \4\5", "without the quotes", r"'\2 \3 \4' is one word"),
    _line("(.* [^ -][^ ]*) - -?(<LONG>(?:[= ].*)?)", r"\1 --\2"),
    _line("(.* (?:[^ -][^ ]*[^ -]|--<LONG>))(--<LONG>(?:[= ].*)?)", r"\1 \2"),
    _line("(.*) --(?=(?:<CUT>|batch size|time steps|seq len|sequence length)(?:[= ]|$))([a-z]+) (.*)", r"\1 --\2-\3"),
    _line("(.*) -(<LONG>)((?:[= ].*)?)", r"\1 --\2\3", "", r"a long option has two hyphens, not as in '-\2'"),
    _line("(.*) (-[a-z])([0-9]+)([a-z])([0-9]+)…", r"\1 \2 \3 -\4 \5\6"),
    _line("(.*) (--<LONG>[ =][^ ,]+),(?:--)?(<LONG>=.+)", r"\1 \2 --\3"),
    _line(f"(.*) (--?[a-z][a-z_-]*)[ =]([0-9.,/]+) ([kmgt]?(?:i?b|hz|s|mac)?|{'|'.join(SCALES)})…", r"\1 \2 \3\4\5"),
    _line("solve(.*) (--<LONG>)[ =](?:==|exact(?:ly)?) ?([0-9][^ ]*)…", r"solve\1 \2 \3 --exactly\4"),
    _line(f"(.*) (--<LONG>|-[a-z]){_EQUALS}([^ ]+(?: .*)?)", r"\1 \2 \3"),
    _line("(.*) (<OPTION>)[ =]([0-9.]+)(<INPUT>:.*)", r"\1 \2 \3 \4"),
    _line("(.*) (--<LONG>|-[a-z])[ =]([^ ]*[:(][^ ]*) ([^ :(-][^ :(]*)…", r"\1 \2 \4 \3\5"),
    _line("(<COMMAND>(?: -[^ ]+(?: [^ -][^ ]*)?)*?) --input[ =]([^ ]+<FILE>)((?: -.*)?)", r"\1 \2\3"),
    _line("(.*) --?stdin(.*)", r"\1 -\2"),
    _line(rf"(?!sweep)(.* [^ -][^ ]*<FILE>)… {_NAMED_PART}…", r"\1::\3\2\4"),
    _line(rf"(?!sweep)(.*) {_NAMED_PART}((?: -.*)? [^ -][^ ]*<FILE>)…", r"\1\3::\2\4"),
    _line("(.*) --(?:limit|budget|max|filter|where)[ =](<LONG>)(?:<=?|=)([^ ]+(?: .*)?)", r"\1 --\2 \3"),
    _line("(?!help)<COMMAND> (<COMMAND>)( .+)", r"\1\2", message=r"there are two commands"),
    _line("(.*) (--pareto[ =][a-z,-]+?),? (-?[a-z][a-z-]{3,})…", r"\1 \2,\3\4"),
    _line(r"(?!.* (?:-t|--timesteps))(.*) --macs[-_]per[-_]step[ =]([^ ]+(?: .*)?)", r"\1 --timesteps 1 --macs \2"),
    _line(rf"(.*) {_FORMAT}([^ ]+\.(json|csv|tsv|html))…", r"\1 -f \3\4 > \2", advice=_PIPED),
    _line(rf"forward(.*) {_FORMAT}([a-z]+)… --?o\w*[ =]([^ ]+\.\2)…", r"forward\1 -f \2\3\5 > \4", advice=_PIPED),
    _line(rf"(.*) {_FORMAT}svg… (?:-o|--output)[ =]([^ ]+\.svg)…", r"\1\2 --svg \3\4"),
    _line(rf"(.*) {_FORMAT}svg…", r"\1 --svg file.svg\2", "for example"),
    _line(r"(.*) -f ([^ ]+(?:\.txt|<FILE>)(?: .*)?)", r"\1 \2"),
    _line("(.*) -(?-i:([a-z])([a-z])) ([0-9]+) ([0-9]+)…", r"\1 -\2 \4 -\3 \5\6"),
    _line(r"(.*) (--pareto[ =](?=[^ ]*m(?:in|ax))[a-z,\s-]*[a-z]) ([a-z-]+)…", r"\1 \2·\3\4", drops=True),
    _line("(.*) --col[-_]?names(?:[ =][a-z_]+)+…", r"\1 --wide\2", drops=True),
    _line("(.*) (<FLAG>)=([^ ]+(?: .*)?)", r"\1 \2 \3"),
    _line(".* ((?-i:-V)|--version)(?: .*)?", r"\1", drops=True),
    _line(r"(<COMMAND>)(?: .*)? (?:[-/]\?|/h(?:elp)?|--(?:h|usage|man))(?: .*)?", r"\1 --help", drops=True),
    _line(f"(<COMMAND>) --(?:{_SIZES}){_N} --(?:[a-z]+-)?layers{_N}(.*)", r"\1 input:32,lstm:\2:x\3\4", "for example"),
    _line(rf"(<COMMAND> <LAYER>:[0-9]+)… --(?:n(?:um)?[-_])?layers{_N}(.*)", r"\1:x\3\2\4"),
    _line("(.*) --?(<INPUT>:[^ ]+(?: .*)?)", r"\1 \2", _BARE),
    _line(r"(<COMMAND>)([^:(]*) --(?:(?:rnn|cell)[-_]?)?(?:type|cell|kind)[ =](<LAYER>)([^:(]*)", r"\1 \3\2\4"),
    _line(f"(.* (?:[^ (]*,)?<LAYER>(?: [^:(]*)?) --?(?:{_SIZES}|u)[ =]([0-9]+(?:,? ?[0-9]+)*)…", _sized),
    _line(f"(.* (?:[^ (]*,)?<LAYER>(?: [^:(]*)?) ~(?:with|of|at)~ ([0-9]+) (?:{_SIZES}|neurons|cells)…", _sized),
    _line("(<COMMAND>)((?: --?[^ ]+[ =][0-9x]+)+) (<LAYER>)((?: -.*)?)", r"\1 \3\2\4"),
    _line(f"(<COMMAND>) --(<LAYER>){_N}((?: -.*)?)", r"\1 \2:\3\4"),
    _line(f"(.*) --vocab(?:[-_]size)?{_N} --emb(?:ed(?:ding)?)?(?:[-_](?:dim|size))?{_N}…", r"\1 --embed \2x\3\4"),
    _line(f"(<COMMAND>) --(<INPUT>)[ =]([0-9x]+) --(<BODY>){_N}(.*)", r"\1 \2:\3,\4:\5\6"),
    _line(f"(<COMMAND> (?:<INPUT>|<BODY>):[^ ]+) --(?!repeat)(<BODY>){_N}(.*)", r"\1,\2:\3\4"),
    _line("help(?: .*)? --(<COMMAND>)(?: .*)?", r"help \1", drops=True),
    _line("<COMMAND>(.*) --(?!layers|help|spec)(<COMMAND>)…", r"\2\1\3"),
    _line(rf"(.*) --part{_N}(?:[\s ]?(?:of|[/:,-])[\s ]?| )([0-9]+)…", r"\1 --part \2/\3\4"),
    _line(r"(.*) (?:(?:-b|-t|--batch|--timesteps)[ =](?:-1|none|null|\?)|--seed[ =]none)…", r"\1\2", _OPEN, drops=True),
    _line(r"(.*) --(?:max-)?params[ =]([0-9.]+[kmgt]i?b)(.*)", r"\1 --memory \2\3", "", advice=_BYTES),
    _line(rf"(.*) (--{_LIMIT})[ =][0-9.]+[kmgib]*-([0-9][^ ]*(?: .*)?)", r"\1 \2 \3", advice=_NO_LEAST, drops=True),
    _line(f"(?:summary|explain)(.* --{_LIMIT}[ =][^ ]+.*)", r"sweep\1"),
    _line(r"(.*) --set[ =](?![a-z_]\w*=[0-9])['\"{]*([a-z_]\w*)['\":=\s ]{1,4}([0-9.]+)\}?…", r"\1 --set \2=\3\4"),
    _line(rf"({_SOURCE}) --set[ =]([a-z_]\w*)((?: -.*)?)", r"\1 --set \2=100\3", "for example"),
    _line(rf"(?=.*{_PYTHON}|.*\b({_OPENS})\b.*--\1)({_SOURCE}) --({_OPENS}){_N}…", r"\2 --set \3=\4\5", advice=_OPENED),
    _line(rf"(?=.*{_PYTHON})({_SOURCE}) --([a-z]+)-([a-z]+){_N}…", r"\1 --set \2_\3=\4\5", advice=_OPENED),
    _line(r"(.* <INPUT>:[^ ()]*)… --(?!bidir)(<ARGUMENT>)((?: [^0-9].*)?)", r"\1:\3\2\4"),
    _line(
        r"(.*) (<INPUT>:[^ ()]*)… --(?!length)((?:<FIELD>|same|causal|no[-_]bias)(?:[ =][a-z0-9.]+)?)((?: [^0-9].*)?)",
        _with_field,
        "perhaps",
    ),
    _line(rf"(.* <BODY>:[^ ()]*)… (?:--{_FEATURES}|-i)[ =]([0-9x]+)(.*)", r"\1:input=\3\2\4"),
    _line(rf"(?:sweep|solve)((?: [^ -][^ ]*)* [^ ]+{_PYTHON}(?: --set[ =][^ ]+)+).*", r"spec\1", "start from its spec"),
    _line(rf"(<COMMAND>) (<BODY>)… (?:--{_FEATURES}|-i)[ =]([0-9x]+)(.*)", r"\1 input:\4,\2\3\5"),
    _line(rf"(.* [^ -][^ ]*)\)… --(<ARGUMENT>){_N}…", r"\1,·\3=\4)\2\5"),
    _line(r"(.* [^ -][^ ]*)\)… --(<ARGUMENT>)…", r"\1,·\3=True)\2\4"),
    _line(rf"((?-i:<COMMAND>).*) --{_FEATURES}[ =]{_N3}…", r"\1 --batch \2 --timesteps \3\4", "perhaps", drops=True),
    _line(rf"{_CALL} --{_FEATURES}[ =]\(?([0-9]+)[x,]\s?([0-9]+)\)?((?: .*)?)", r"\1 Input((\4,·\5)),·\2\3\6"),
    _line(rf"{_CALL} --{_FEATURES}{_N}((?: [^(]*)?)", r"\1 Input((None,·\4)),·\2\3\5"),
    _line(r"(?:explain|draw|forward|reach)(.* --rate[ =][^ ]+.*)", r"summary\1", "perhaps"),
    _line(r"(.*) --sort[ =]-?([a-z-]+)(.*) (?:-r|--(?:desc|descending|reverse))…", r"\1 --sort=-\2\3\4"),
    _line(r"(.*) --sort[ =](?:-r|--(?:desc|descending|reverse)) ([a-z-]+)…", r"\1 --sort=-\2\3"),
    _line("(.*) --sort-(params|memory|macs|streaming|training|output)…", r"\1 --sort=-\2\3"),
    _line(r"(.*) --sort-(?:desc|descending|reverse)[ =]([a-z-]+(?: .*)?)", r"\1 --sort=-\2"),
    _line(r"(?:summary|explain)(.*) --(?:vs|versus|against) (.+)", r"compare\1 \2"),
    _line(r"(?:summary|explain)(.*) --(?:seq-)?len(?:gth)?s[ =]([^ ]+)(.*)", r"forward\1 --lengths \2\3"),
    _line(r"export(.*) --to[ =]([^ ]+\.(?:onnx|py|c))…", r"export\1 -o \2\3"),
    _line(r"(?!.* --to)export(.*) (?:-o|--output)[ =]([^ ]+)\.(?:h|c[cpx]+|ino|tflite)…", r"export\1 -o \2.c\3", _C),
    _line(r"(?!.* --to)export(.*) (?:-o|--output)[ =]([^ ]+)\.[onx]{2,6}…", r"export\1 -o \2.onnx\3", "perhaps"),
    _line(rf"(?!sweep|compare|reach|solve)<COMMAND>((?: .*)? (?=[^- ][^ ]*:)[^ ]*{_RANGE}.*)", r"sweep\1"),
    _line("(.*) (-[a-z][a-z_-]+[ =][^ ]+(?: .*)?)", r"\1 -\2"),
    _line(r"(.*) (--(?:pareto|lengths))[ =]([^ ,]+)… \2[ =]([^ ,]+)…", r"\1 \2 \3,\5\4\6"),
    # an argument that is not a spec, between two ~
    _line(rf"(.*) ~([^~]*?\S)\s+([12]?>(?:[&/]|\s*[^ ~:,]+\.)[^ ~:,]+|{_NEXT}.*)~(.*)", r"\1 \2 \3\4", "", _SHELL),
    _line(r"(.*) ~1?>\s*(?:~ ~?)?([^ ~:]+\.svg)~?(.*)", r"\1 --svg \2\3", "", _SHELL),
    _line(r"((?:forward|export|page)(?: .*)?) ~1?>\s*(?:~ ~?)?([^ ~:]+\.[a-z]+)~?(.*)", r"\1 -o \2\3", "", _SHELL),
    _line(r"(.*) ~1?>\s*(?:~ ~?)?([^ ~:&]+)~?(.*)", r"\1\3 > \2", "", _SHELL),
    _line(r"(forward(?: .*)?) ~<\s*(?:~ ~?)?([^ ~:<>=]+\.npy)(?:~|(?=$| -))(.*)", r"\1 --input \2\3", "", _SHELL),
    _line(r"(.*) ~<\s*(?:~ ~?)?([^ ~:<>=]+)(?:~|(?=$| -))(.*)", r"\1 \2\3", "", _SHELL),
    _line(rf"(.*) ~(?:[12]?>[&/][^ ~]*~(.*)|{_NEXT}.*)", r"\1\2", WITHOUT, _SHELL),
    _line(rf"({_SOURCE}) ~((?!<LONG>=)[a-z_]\w*=[0-9.]+)~(.*)", r"\1 --set \2\3", message=_NO_SPEC, advice=_OPENED),
    _line(rf"(?=.*{_PYTHON})({_SOURCE}) ~({_OPENS})~ ([0-9]+)…", r"\1 --set \2=\3\4", "", _NO_SPEC, _OPENED),
    _line(r"(.*) ~([^ ]*[^ \s-])(--<LONG>)~…", r"\1 \2 \3\4"),
    _line("(.*) -of ~([a-z]+)~(.*)", r"\1 -f \2\3", "without -o", drops=True),
    _line("(.* <INPUT>:[^ ()]*) ~(<FIELD>(?:=[a-z0-9.]+)?)~(.*)", r"\1:\2\3", "with a colon", _NO_SPEC),
    _line("summary(.*) ~to~ (keras|torch|onnx|numpy|c)…", r"export\1 --to \2\3"),
    _line(r"summary(.*) ~(vs\.?|versus|against)~( .*)", r"compare\1\3", "", _NO_SPEC),
    _line("(.* [^ -][^ ]*) ~#[^ ]*~(?: .*)?", r"\1", "without the comment", drops=True),
    _line("(.* [^ -][^ ]*) - ~(<LONG>(?:=[^ ]*)?)~(.*)", r"\1 --\2\3", "", _NO_HYPHENS),
    _line(r"(<COMMAND>) ~(\?)~", r"\1 --help", "", _NO_HELP),
    _line(r"(<COMMAND>)(?: .*)? ~(/\?|/h(?:elp)?)~(?: .*)?", r"\1 --help", "", _NO_HELP, drops=True),
    _line("solve(.*) ~==?~ ([0-9][^ :]*)(?: param(?:eter)?s)?((?: -.*)?)", r"solve\1 --params \2 --exactly\3"),
    _line("(.*) ~(<LONG>=[^ ,]+),(<LONG>=[^ ]+)~(.*)", r"\1 --\2 --\3\4", "", _NO_SPEC),
    _line("(.*) ~(time)~ steps?(?: of)?( .*)", r"\1 --timesteps\3", "", _NO_SPEC),
    _line("(.*) ~(?!<INPUT>[:~])(<LONG>)(?::~|~ (?:[:=]|of|from|by|is))( .*)", r"\1 --\2\3", "", _NO_SPEC),
    _line("(?!sweep)(<COMMAND>) ~([0-9][0-9x]*)~ (<BODY>:.*)", r"\1 input:\2 \3"),
    _line("(.*) ~([0-9.]+)~ (k?hz)…", r"\1 --rate \2\3\4", "", _NO_SPEC),
    _line("(?!export|forward|page)(.*) ~(?:save|write|output)~ (?:to|as|into?) ([^ ]+)…", r"\1\3 > \2", advice=_PIPED),
    _line("(.*) ~(?:no|without)~ colou?rs?(.*)", r"\1 --color never\2"),
    _line("(.*) ~([a-z]+)~ ([a-z]+)((?:[= ].*)?)", r"\1 --\2-\3\4", "", _NO_SPEC),
    _line(r"(.*) --… ~(-[^ ]+)~(.*)", r"\1\2 \3\4", "", _AFTER_HYPHENS),
    _line("(.* (<FLAG>)) ~(yes|true|on|1)~(.*)", r"\1\4", WITHOUT, _NO_VALUE),
    _line("(.*) (<FLAG>) ~(no|false|off|0)~(.*)", r"\1\4", WITHOUT, _NO_VALUE),
    _line(r"(.* (<SEVERAL>)([ =])[^ ]+) ~([^ :(]+)~(.*)", r"\1 \2\3\4\5", "", _ONE_AT_A_TIME, "give it once per value"),
    _line(f"(.*) ({_LIST}),? ~,?([^ :(]+?),?~(.*)", r"\1 \2,\3\4", "", _NO_SPACE, "separate values with commas"),
    _line(r"(.*) --sort[ =]-?([a-z-]+) ~(desc(?:ending)?|reversed?)~(.*)", r"\1 --sort=-\2\4", "", _NO_SORT),
    _line(r"(.*) --sort[ =]-?([a-z-]+) ~(asc(?:ending)?|increasing)~(.*)", r"\1 --sort=\2\4", "", _SORTS_UP),
    _line(f"(?!.* <COMPARED>[ =][^ ]+ ~[1-9]){_SECOND}", r"\1·\5\6", "", _CUT_VALUE, _QUOTES),
    _line(_PARTED, r"\1\5\6", "", _CUT_VALUE, drops=True),
    _line(_SECOND, r"\1 \3 \5\6", "", r"\3 takes one value, but '\5' is not a spec"),
    _line(_BUDGETED, r"\1\3 --params \2", "perhaps", _NO_SPEC),
    _line(_BUDGETED, r"\1\3 --memory \2", "perhaps", _NO_SPEC),
    _line(r"(.* [^ -][^ ]*:[^ ,]*\w) ~([0-9]{1,10})~((?: -.*)?)", r"\1 --timesteps \2\3", "perhaps", _NO_SPEC),
    _line(r"(.*) ~([\w.]*load\w*\(['\"]([^ '\"]+)['\"].*?)~(.*)", r"\1 \3\4", "perhaps", _NO_SPEC),
    _line("(.*) ~(([^ ]*<FILE>)[,;])~(.*)", r"\1 \3\4", "", _NO_SPEC),
    _line(r"(.*) ~([^ ]+<FILE>)[:/#[]([^ :/\]]+)\]?~(.*)", r"\1 \2::\3\4", "", _AFTER_COLONS),
    _line("export(.*) ~(c)~(.*)", r"export\1 --to \2\3", "", _NO_SPEC),
    _line(r"((?:export|page) .*) ~(?:as|to|in|into)~ ([^ ]+\.(?:onnx|py|c|html)(?: .*)?)", r"\1 -o \2", "", _NO_SPEC),
    _line(f"(.*) {_BETWEEN}( <INPUT>:.*)", r"\1\3", _ONE_WORD, _NO_SPEC),
    _line("(.*) ~((?-i:SPEC|FILE))[1-9]?~(.*)", r"\1 input:8,lstm:16\3", "for example", r"\2 stands for a network"),
    _line(r"(<COMMAND>) ~(?!\1~|help~)(<COMMAND>)~( .+)", r"\2\3", "", "there are two commands, '\\1' and '\\2'"),
    _line("((<COMMAND>).*) ~\\2~(.*)", r"\1\3", WITHOUT, _NO_SPEC),
    _line("<COMMAND>(?: .*)? ~rnncli~ (.+)", r"\1", "write rnncli only once", "'rnncli' is not a spec"),
    _line("(<COMMAND>)(?: .*)? ~help~(?: .*)?", r"help \1", "", "'help' is a separate command", drops=True),
    _line(r"(.*) ~([0-9.,]+)~ ([kmgt]?i?b|[kmg])…", r"\1 \2\3\4", "", _NO_SPEC),
    _line(rf"{_BEHIND_A_SPEC} ~(([^ :(=]+){_PICTURE})~(.*)", r"\1 --svg \3.svg\4", "perhaps", _NO_SPEC),
    _line(r"((?:forward|reach)(?: .*)?) ~([0-9]+(?:[,\s]+[0-9]+)+)~(.*)", r"\1 --input \2\3", "perhaps", _NO_SPEC),
    _line("(?=.* --input[ =])(?!.* -o[a-z]+ ~)(.*) ~(<ARRAY>)~(.*)", r"\1\3", WITHOUT, _NO_SPEC),
    _line(r"((?:forward|reach|export)(?: .*)?) ~(<ARRAY>)~(.*)", r"\1 --input \2\3", "perhaps", _NO_SPEC),
    _line(rf"{_NO_OUTPUT}{_BEHIND_A_SPEC} ~(?!<ARRAY>~)([^ :(=]+\.[a-z0-9]+)~(.*)", r"\1 -o \2\3", "perhaps", _NO_SPEC),
    _line(
        r"(?=<MANY>|.*[\s;|&]<INPUT>:)(<COMMAND>(?: .*)? )"
        r"~(?!input:[0-9]+[,;\s]+embed)([^ ]+[,;|&.\s]<INPUT>:[^ ]+)~(.*)",
        _apart,
        _ONE_WORD,
    ),
    _line(r"sweep(.*) ~([^ ]*\{(?!<BODY>:)[a-z]\w*)[: ]+(?=[0-9])([^ ]*)~(.*)", r"sweep\1 \2=\3\4"),
    _line(r"sweep(.*) ~([^ ]*\{([a-z]\w*)=[^ ]*[:x])\3(?=[:x,~])([^ ]*)~(.*)", r"sweep\1 \2{\3}\4\5"),
    _line(rf"{_IS_SET}(.*) ~([^ ]*[:x])\1(?=[:,x~])([^ ]*)~(.*) --set[ =]\1=\2…", r"\3 \4\2\5\6\7"),
    _line(rf"{_IS_SET}((?:solve|sweep) .*[^\w.])\1(?![\w=])(.*) --set[ =]\1=\2…", r"\3\2\4\5"),
    _line(f"(?!solve)<COMMAND>… ~([^ ]*{_BLANK}[^ ]*)~(.*)", r"solve\1 \2\3", "for example"),
    _line(rf"sweep(.*) ~([^ {{}}]*[:x])[(\[]?{_UP_TO}[)\]]?([^ {{}}]*)~(.*)", r"sweep\1 \2{\3..\4}\5\6"),
    _line(rf"sweep(.*) ([^ ]*[:x])([a-z]+)\b([^ ]*) ~(\3=({_MANY}))~(.*)", r"sweep\1 \2{\6}\4\7", "", _FIFTH),
    _line(r"sweep(.*) ~([^ {}\s]*[a-z])\s(?:from\s|von\s)?(\d+)\s(?:to|bis)\s(\d+)~(.*)", r"sweep\1 \2:{\3..\4}\5"),
    _line(r"sweep(.*) ~([^ {}]*[:x])([1-9]\d*(?:,\s*[1-9]\d*)+)(?=[:,x}~])\}?([^ {}]*)~(.*)", r"sweep\1 \2{\3}\4\5"),
    _line(r"solve(.*) ~([^ ]*[:x])[{$%]\{?([a-wyz]?)\}?(?=[:x,~])([^ ]*)~(.*)", r"solve\1 \2_\3\4\5", "a blank is _"),
    _line(rf"(?!sweep|compare|reach|solve)<COMMAND>… ~([^ ]*{_RANGE}[^ ]*)~(.*)", r"sweep\1 \2\3"),
    _line("inspect(.*) ~([^ ]*[:(].*)~(.*)", r"summary\1 \2\3", "perhaps"),
    _line(f"{_SIDES} (<INPUT>:[^ ,(]+) ~(<BODY>:[^ (]*)~( <BODY>:.*)", r"\1 \2,\3\4", "perhaps", _NO_INPUT, _OWN),
    _line(f"{_SIDES} (<INPUT>:[^ ,(]+)([^ (]*)… ~(<BODY>:[^ (]*)~(.*)", r"\1 \2\3\4 \2,\5\6", "perhaps", "", _OWN),
    _line(f"((?!{_SIDES}).* <INPUT>:[^ (]*) ~(<BODY>:[^ (]*)~(.*)", r"\1,\2\3", advice=_WITH_COMMAS),
    _line(r"<COMMAND> ~(<COMMAND>)(<INPUT>:[^ ]*)~(.*)", r"\1 \2\3", "", "a space separates a command from its spec"),
    # a line that does not start with a command
    _line(r"(?:(?-i:(?!RNNCLI_)[A-Z_]+)=[^ ]* )+(<COMMAND>…)", r"\1", WITHOUT, "variables are set before rnncli"),
    _line(r"(?:[^ ]+ )*?[^ ]*\brnncli(?:\.[a-z]+)? (.+)", r"\1", "write rnncli only once"),
    _line("(<INPUT>=[^ ]*,.*)", r"summary \1", "perhaps"),
    _line("(?:list|show|print|get) (?:all )?(<COMMAND>)", r"\1"),
    _line("(layers|help) (?:list|all|kinds|topics|me|rnncli)", r"\1", drops=True),
    _line("(<COMMAND>) help", r"\1 --help"),
    _line("layers --(<INPUT>|<BODY>|<FIELD>)…", r"layers \1\2"),
    _line("(<INPUT>|<BODY>|<FIELD>) (?:-h|--help)", r"layers \1"),
    _line(r"help ([^ ]+[:(][^ ]*)", r"explain \1", "perhaps"),
    _line(rf"how (?:far|long)(?: [^ :(]+)+ {_NETWORK}", r"reach \1", "perhaps", drops=True),
    _line(rf"(?:why|where)(?: [^ :(]+)* {_NETWORK}", r"explain \1", "perhaps", drops=True),
    _line(rf"how(?: [^ :(]+)+ {_NETWORK}", r"summary \1", "perhaps", drops=True),
    _line("(?:(?:please|can|could|would|you|i|we|want|need|like|let|me|us) )+(?:to )?(.+)", r"\1", WITHOUT, drops=True),
    _line(r"python[0-9.]* ([^ ]+\.(?:py|ipynb)(?: .*)?)", r"summary \1", "perhaps"),
    _line(r"(?:[^\w -]+|-(?= <COMMAND> [^-])|[^\w (]?\w+[].:)]) (<COMMAND>(?: .*)?)", r"\1", drops=True),
    _line(r"(?:rnncli\W|[^\w ]|(?:--)?(?:\w{1,20}[-_.]){0,3})(<COMMAND>)(?:[^\w. ] ?| |(?=<INPUT>:))(.+)", r"\1 \2"),
    _line("(layers|help)([a-z_]{3,}…)", r"\1 \2"),
    _line("(?!<COMMAND>(?: |$))([^ ]*)(.*?) (<COMMAND>)…", r"\3\4 \1\2", "", r"the command comes first, before '\1'"),
    _line(f"{_TRAINS}(?= .*[:x]_)( .+)", r"solve\1", "perhaps"),
    _line(rf"{_TRAINS}(?=.*\.(?:pt|pth|ckpt|safetensors)\b|.* nn\.)…", r"export\1 --to torch", advice=_NOT_TRAINED),
    _line(f"{_TRAINS}…", r"export\1 --to keras", advice=_NOT_TRAINED),
    _line(f"(?:{_SHOWS})( [^ ]*<FILE>.*)", r"inspect\1", "perhaps"),
)
"""Whole lines; … is the rest of a line, if there is one. <COMMAND> is the name of a command, <MANY> of a command for
several specs. <LONG>, <FLAG>, <OPTION> and <SEVERAL> are names of the command's options, <CUT> those of two words, with
a space between; <SEVERAL> may be given several times, and <COMPARED> several times to `compare`. <INPUT> is a kind that
starts a network, <BODY> another kind, <LAYER> a kind with units, <FIELD> a field, <ARGUMENT> one of Keras or PyTorch.
<FILE> ends the name of a model file, <ARRAY> is the name of an existing array. A row for an argument that is not a spec
applies if Click accepts the result."""

PARTS = (
    _line(r"((?!solve|sweep).*) ([^ -][^ ]*<FILE>) ~([a-z_]\w*|[1-9])~(.*)", r"\1 \2::\3\4", "perhaps", _PART),
    _line(r"((?!solve|sweep).*) ([^ -][^ ]*<FILE>) ~([a-z_]\w*)~(.*)", r"\1 \2\4", WITHOUT, _PART),
    _line(r"(.*) ~([^ ]+<FILE>)[:/]([^ :/]+)~(.*)", r"\1 \2\4", WITHOUT, _PART),
    _line(r"sweep(.* [^ ]*[:x{].*) ~(?!<BODY>~|<INPUT>~|from~)([^\W\d_]+\.?)~(.*)", r"sweep\1\3", WITHOUT, _NO_SPEC),
    _line(rf"{_AMONG_OTHERS}(.*) ~({_SMALL})~((?: (?:{_SMALL}))*(?: .*)?)", r"\1\3", WITHOUT, _NO_SPEC),
)
"""Rows for an argument after a model file, or a word of a sentence, tried if nothing else matches."""

COMMANDS = _by_name(
    {
        "summary": "get calculate params parameters count show info model print describe shape shapes table "
        "torchinfo torchsummary view ls zusammenfassung resumen resume",
        "summary --wide": "flops macs cost costs memory size sizes stat stats profile thop ptflops fvcore",
        "explain": "why formula formulas equations erklare",
        "draw": "plot dot graph picture diagram unroll visualize visualise viz render zeichne",
        "compare": "diff difference cmp vs versus differences vergleiche",
        "forward --plot --gates": "gates",
        "forward": "fwd benchmark bench time test run predict infer inference eval evaluate simulate call exec execute",
        "reach": "forget remember recall gradient gradients vanishing receptive-field",
        "sweep": "grid search gridsearch scan tune enumerate candidates",
        "solve": "find fill largest max budget fits",
        "export --to c --dtype int8": "quantize quantise",
        "export": "to convert generate code codegen compile build deploy translate save write",
        "page": "report html web website webpage share publish",
        "export --to keras": "keras tensorflow tf to-keras",
        "export --to torch": "pytorch torch to-torch to-pytorch",
        **{f"export --to {target}": f"{target} to-{target}" for target in ("onnx", "numpy", "c")},
        "inspect": "load open read file weights cat head header metadata less dump netron",
        "layers": "list kinds fields language glossary syntax words",
        "spec": "canonical parse normalize format fmt validate check lint verify",
        "help": "man manual usage --usage -? ? /? /h docs commands options examples example tutorial guide intro "
        "hilfe ayuda aide",
        "completion": "autocomplete autocompletion",
        **{f"help {topic}": topic for topic in ("keys", "files", "python", "promises")},
        "--version": "version ver v -v --v -version",
    }
)
"""Each command with the words that people type for it; options of the command go to the end of the line."""


def _option(names: str, becomes: Becomes, advice: str = "", lead: str = "") -> Rewrite:
    return Rewrite("option", names, becomes, lead, advice=advice)


def _no_option(names: str, advice: str) -> Rewrite:
    return Rewrite("option", f"(?:{names})(?: .*)?", "", WITHOUT, drops=True, advice=advice)


def _macs(found: re.Match[str]) -> str:
    """`flops 10M` -> `--macs 5000000`; a value that is not a number stays."""
    try:
        number = parse_number(without_thousands(found[2]))
    except ValueError:
        return found[0]
    return f"--macs {number * {'g': 10**9, 'm': 10**6}.get(found[1], 1) // 2}"


_WHICH_MEMORY = (
    "--memory limits the size of the parameters (flash), --streaming the other memory of one step (RAM), --training "
    "the memory for training"
)

_SPEC_SAYS = "it is part of the spec"
_A_SPEC = "embed:10000x32,lstm:128:seq:x2,lstm:128 reads 10,000 ids and has three layers of 128 units"
_IMAGES = "picture|image|png|pdf|jpg|save-plot|save-figure"
_OUT = "(?:output(?:-file)?|o|out|outfile|to-file|filename|save)"

OPTIONS = (
    _option("multiplies|multiplications|mult-adds|multadds", "--max-macs"),
    _option("multiple|multiples|divisible-by|step|step-size|align", "--multiple-of"),
    _option("shard|chunk", "--part"),
    _option("length|len|lens|seq-lens|seq-lengths|sequence-lengths", "--lengths"),
    _option("steps|length|len|seq-len|seqlen|seq-length|sequence-length|lookback|look-back|maxlen", "--timesteps"),
    _option("time|time-steps|n-steps|num-steps|window|window-size|frames|duration|unroll|ts|max-len", "--timesteps"),
    _option("batch-size|batchsize|batch-sizes|bs|samples|n-samples|num-samples", "--batch"),
    _option("n|l|limit|head|best|first|rows|nlargest", "--top"),
    _option("order|order-by|by|s|k|key", "--sort"),
    _option("frontier|front|optimal", "--pareto"),
    _option("threads|workers|cores|processes|procs|parallel|cpus|j", "--jobs"),
    _option("fps|hz|frequency|freq|sample-rate|sampling-rate|samplerate|fs|odr|period|interval|r", "--rate"),
    _option("trials|repeats|runs|n", "--seeds"),
    _option("(?:out|output|export|dump|write)-weights|weights-(?:out|output|to)", "--save-weights"),
    _option("load|checkpoint|ckpt|restore|pretrained|state-dict", "--weights"),
    _option(r"w (.+\.\w+)", r"--weights \1"),
    _option("(?:initial-|init-)?states?|h0|hx", "--state"),
    _option("n", "--batch", lead="perhaps"),
    _option("l ([0-9]+,[0-9,]+)", r"--lengths \1"),
    _option("l ([0-9]+)", r"--timesteps \1", lead="perhaps"),
    _option(r"(?:d|e|s|env|define|k?w?args?|h?params?|config|override|var) ([a-z_]\w*=.+)", r"--set \1"),
    _option("type|bits|precision|quantize|quantise|quant|d", "--dtype"),
    _option("quanti[sz]ed?|quant", "--dtype int8"),
    _option("prefix|namespace", "--name"),
    _option("backend|library|framework|format|f|target|output-format|as", "--to"),
    _option("output-format|as", "--format"),
    _option(r"(?:(?:to|as)-)?(csv|tsv|json|html|markdown) (.+\.\w+)", r"-f \1 > \2", _PIPED),
    _option("(?:to-|as-|format-|output |o |out |to-file )(json|yaml|csv|tsv|markdown|html)(?:path.*)?", r"--format \1"),
    _option(r"save (.+\.(?:npz|safetensors|h5|keras|pt|pth|ckpt|bin))", r"--save-weights \1"),
    _option(f"(?:{_OUT}|export|fig(?:ure)?|save-?(?:svg|fig)|{_IMAGES}) (.+){_PICTURE}", r"--svg \1.svg"),
    _option(_IMAGES, "--svg"),
    _option(rf"{_OUT} (.+\.(json|csv|tsv|html|md)l?)", r"-f \2 > \1", _PIPED),
    _option(f"{_OUT} (?!.+{_PICTURE}$)(.+)", r"> \1", _PIPED),
    _option(_OUT, "--output"),
    _no_option(_OUT, _PIPED),
    _option("specs?|models?|network|net|arch|architecture|template|pattern|file|from-file", "", lead=_BARE),
    _no_option(
        "(?:width|line-length|columns|cols|w)(?: [0-9]+)", "COLUMNS=60 in the environment sets the width on a terminal"
    ),
    _option("verbose|v+|w|all|long|full|details?|detailed|footprint", "--wide"),
    _option(r"(?:html|to|as) (.+\.html?)", r"--output \1"),
    _option("(?:n|num|total)-params ([0-9].*)", r"--max-params \1"),
    _option("silent|total|num-params|count|count-params|params|params-only|raw|porcelain", "--quiet"),
    _option("budget|max|parameters|param|p|target|goal", "--max-params"),
    _option("mem|bytes|size|m", "--max-memory"),
    _option("([kmg]b) ([0-9.]+)", r"--max-memory \2\1"),
    _option("flash|rom", "--max-memory", _WHICH_MEMORY),
    _option("train(?:ing)?(?:-(?:memory|mem|size))?", "--max-training"),
    _option("ram|sram", "--max-streaming", _WHICH_MEMORY),
    _option("vram|gpu-memory", "--max-training", _WHICH_MEMORY),
    _option("([gm]?)(?:fl)?ops ([0-9].*)", _macs, "a multiply-add is two FLOPs"),
    _option("flops|macs|mult-adds|multadds|ops|costs|weights-shapes|memory|outputs|streaming|training", "--wide"),
    _option("mem|bytes|sizes?|flash|rom|s?ram|vram|gpu-memory", "--wide"),
    _option("flops|macs|mult-adds|multadds|ops|costs|torchinfo|thop|fvcore|tools", "--others"),
    _option("random-state|rng|s", "--seed"),
    _option("in|i|ids|tokens|data|x|calibration", "--input"),
    _option("(dark|light)-(?:mode|theme)", r"--theme \1"),
    _option("s", "--quiet"),
    Rewrite("option", rf"(?:{_SIZES}) (\d+),?", r"input:32,lstm:\1", "for example", invents=True, advice=_SPEC_SAYS),
    Rewrite("option", rf"(?:{_SIZES}) (.+,.+)", r"input:32,lstm:{\1}", "for example", invents=True, advice=_SPEC_SAYS),
    _no_option("(?:hidden(?:-units)?|num-units|neurons|cells|layers|vocab|vocab-size) .*", f"{_SPEC_SAYS}: {_A_SPEC}"),
    _option("no-?colou?rs?", "--color never"),
    _no_option("train|fit|learn", _NOT_TRAINED),
    _no_option("ascii|no-unicode", "PYTHONIOENCODING=ascii in the environment makes the output ASCII"),
    _no_option("title|heading|caption", "the title is always the network"),
    _no_option("no-?headers?|skip-headers?", "`| tail -n +2` removes the header of CSV"),
    _no_option("reverse|desc|descending", "a - before the key sorts in descending order: --sort=-params"),
    _option("(?!max-)[a-z-]+ ([0-9.]+ ?(?i:[kmg]i?b))", r"--max-memory \1", lead="perhaps"),
    _no_option("min-(?:params|memory|macs|outputs|streaming|training)", _NO_LEAST),
)
"""Names for options, without hyphens and followed by the value, if there is one. A row applies to commands that have
the options of its result, and the user is told what it drops."""
