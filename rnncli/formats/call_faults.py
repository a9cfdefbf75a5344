"""What is wrong with a call: the message, the characters at fault, and the text with them mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnncli.errors import SpecError, listed, quote, shorten
from rnncli.formats.call_text import Text, node_of
from rnncli.formats.faults import OpenNumbersError
from rnncli.formats.frameworks import (
    CLASSES,
    DIFFERS,
    SHAPES,
    ArgumentFaultError,
    Class,
    MissingArgumentError,
    UnknownArgumentError,
)
from rnncli.formats.nodes import Activation, Node
from rnncli.formats.python.objects import Call
from rnncli.language.elsewhere import ELSEWHERE, NOT_MERGED, elsewhere
from rnncli.language.likeness import closest
from rnncli.layers import LAYERS, Layer
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework

CONTAINERS = ("Sequential", "ModuleList", "add", "append")
"""What holds layers, one behind the other."""

_MOST_NAMED = 4


class OpenLineError(OpenNumbersError, SpecError):
    """A text of calls leaves numbers open; the first of them is marked."""

    def __init__(self, names: tuple[str, ...], text: str, span: tuple[int, int]) -> None:
        one, more = len(names) == 1, len(names) - _MOST_NAMED
        shown = [*map(quote, names[:_MOST_NAMED]), *([f"{more} more"] if more > 0 else [])]
        write = "write the number itself" if one else "write the numbers themselves"
        advice = f"{write}, or {OpenNumbersError('', names).advice}"
        message = f"{listed(shown)} {'is not a number' if one else 'are not numbers'}"
        SpecError.__init__(self, message, text=text, span=span, advice=advice)
        self.names = names


def no_class(text: Text, framework: Framework, call: Call) -> SpecError:
    """Return the error for a class that the language has no word for."""
    end = text.span(node_of(call).func)[1]
    span, word = (end - len(call.name), end), call.name.lower()
    whose = FRAMEWORK_NAMES[framework]
    message = f"there is no layer {quote(call.name)}"
    names = {name.lower(): name for name in (*CLASSES[framework], *CONTAINERS)}
    guess = None if word in ELSEWHERE else closest(word, names)
    if guess is not None:
        return text.fault(message, span, lead="perhaps", repair=text.with_(span, names[guess]))
    known = elsewhere(word)
    if known is None:
        theirs = [(layer.keras, *layer.classes) if whose == "Keras" else (layer.torch,) for layer in LAYERS]
        main = dict.fromkeys(name for names in theirs for name in names)
        there = listed([name for name in main if name in CLASSES[framework]])
        return text.fault(message, span, f"{whose} has {there}")
    shaped = any(each.arg in SHAPES for each in node_of(call).keywords)
    return text.fault(message, span, ELSEWHERE[known], "without it", None if shaped else text.without(node_of(call)))


def wrong(text: Text, framework: Framework, call: Call, cls: Class, fault: ArgumentFaultError) -> SpecError:
    """Return the error for an argument of a call."""
    argument, message, node = fault.argument, str(fault), node_of(call)
    if message.startswith(f"{call.name} "):
        message = f"{FRAMEWORK_NAMES[framework]}'s {message}"
    instead = fault.instead.replace("'", '"')  # which a shell takes in single quotes
    if isinstance(fault, MissingArgumentError):
        repair = text.with_argument(node, argument, instead)
        return text.fault(message, text.span(node), lead="for example", repair=repair)
    keyword = next((each for each in node.keywords if each.arg == argument), None)
    span, advice = text.span(call.given.written(argument, cls.takes)), ""
    if isinstance(fault, UnknownArgumentError) and keyword is not None:
        start, _ = text.span(keyword)
        span, advice = (start, start + len(argument)), "" if instead else ELSEWHERE.get(argument, "")
    elif argument in cls.changing - DIFFERS.keys():
        span, advice = text.span(keyword) if keyword else span, ELSEWHERE.get(argument, "")
    elif argument == "merge_mode":
        advice = NOT_MERGED
    elif not argument:
        span = text.span(node.args[cls.positional])
    return text.fault(message, span, advice, "perhaps", text.with_(span, instead) if instead else None)


def misfit(
    text: Text, framework: Framework, calls: Mapping[str, Call], nodes: Sequence[Node], node: Node, reason: str
) -> SpecError:
    """Return the error for a layer that does not fit behind those before it."""
    span = node.place or (0, len(text.text))
    if "a vector is returned" not in reason:
        message = f"{node.kind} {reason[3:]}" if reason.startswith("it ") else reason
        dense = "Dense" if framework == "keras" else "nn.Linear"
        advice = f"an activation may stand behind {dense} alone" if isinstance(node.word, Activation) else ""
        return text.fault(message, span, "change one of the two numbers" if "features" in reason else advice)
    before = nodes[: nodes.index(node)]
    makers = [each for each in before if isinstance(each.word, Layer) and each.word.returns == "vector"]
    cause = makers[-1] if makers else node
    returning, reader = (shorten(text.text[slice(*(each.place or span))]) for each in (cause, node))
    if not cause.loops:
        message, inner = f"{returning} returns one vector, but {reader} reads a sequence", None
        wrapper = calls[node.name]
        if wrapper.name == "TimeDistributed" and node_of(wrapper).args:
            inner = text.with_(span, text.part(node_of(wrapper).args[0]))
        return text.fault(message, span, "leave it out" if inner else "", repair=inner)
    call = calls[cause.name]
    while call.name == "Bidirectional" and isinstance(inner := call.given.get("layer", 0), Call):
        call = inner
    repair = text.with_argument(node_of(call), "return_sequences", "True")
    message = f"{returning} returns only its last output, but {reader} reads a sequence"
    return text.fault(message, cause.place or span, "return the whole sequence", repair=repair)
