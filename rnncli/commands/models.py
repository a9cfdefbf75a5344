"""Networks from model files: where a SPEC may stand, the path of a file may, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rnncli.commands.report import tell
from rnncli.errors import SpecError
from rnncli.formats import choice_of, open_model, part_of
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS
from rnncli.network import Network

if TYPE_CHECKING:
    from rnncli.formats.nodes import Part
    from rnncli.language.calls import Reading


class Given(NamedTuple):
    """A network, and the part of a model file that it is, if it came from one.

    Attributes:
        network: the network.
        part: the part.
        path: the file.
        torch: whether it is one of PyTorch's.
    """

    network: Network
    part: Part | None = None
    path: str = ""
    torch: bool = False

    def counted_otherwise(self, framework: str | Sequence[str] | None) -> str:
        """Return that PyTorch counts more parameters of its own network; an empty text where it does not.

        Args:
            framework: whose weights are counted, one or several; None where none are.
        """
        if not self.torch or framework is None or "torch" in framework:
            return ""
        if any(layer.conflict("torch") for layer in self.network.layers):
            return ""
        here, there = (self.network.summary(framework=each).total_params for each in FRAMEWORKS)
        if here == there:
            return ""
        return f"counted as in Keras; PyTorch has {there:,} parameters, with two biases: --framework torch"


def given(text: str) -> Given:
    """Return the network that a spec, a text of Keras or PyTorch, or a model file is.

    Raises:
        SpecError: the spec is wrong.
        RnncliError: the file cannot be read, or holds nothing recurrent.
        UsageError: the file has several parts, and none or no such one is named.
    """
    choice = choice_of(text)
    if choice is None:
        return _of_text(text)
    from rnncli.reports.inspection import left_out

    model = open_model(choice.path)
    part = part_of(model, choice.part)
    note = left_out(model, part)
    if note:
        tell(f"Note: {note}")
    return Given(part.network, part, choice.path, torch=model.writer.startswith(FRAMEWORK_NAMES["torch"]))


def _of_text(text: str) -> Given:
    """Return the network that a spec is, or a text of Keras or PyTorch, with a note on what that was read as.

    Raises:
        SpecError: it is neither.
    """
    try:
        return Given(Network.parse(text))
    except SpecError as error:
        from rnncli.language.calls import understood
        from rnncli.language.elsewhere import CHANGES_A_RUN, ELSEWHERE

        reading = understood(text)
        if reading is None:
            raise error from None
        network = _as_read(reading, text)
    tell_reading(reading, str(network))
    for name in CHANGES_A_RUN:
        if any(each.startswith(f"{name}=") for each in reading.left_out):
            tell(f"Note: {ELSEWHERE[name]}")
    # What is left out changes no count but that of proj_size, which PyTorch alone has.
    return Given(network, torch=reading.torch and not any(each.startswith("proj_size=") for each in reading.left_out))


def tell_reading(reading: Reading, spec: str) -> None:
    """Tell as which spec a text of Keras or PyTorch was read, what was assumed for it, and what was left out."""
    assumed = f"; assumed: {', and '.join(reading.assumed)}" if reading.assumed else ""
    left_out = f"; left out: {', '.join(reading.left_out)}" if reading.left_out else ""
    tell(f"Note: read as {spec}{assumed}{left_out}")


def _as_read(reading: Reading, text: str) -> Network:
    """Return the network that a text was read as.

    Raises:
        SpecError: its layers do not fit one another.
    """
    try:
        return Network.parse(reading.text)
    except SpecError as fault:
        raise SpecError(
            fault.message,
            text=text,
            span=reading.first.span,
            advice=fault.advice or "",
            lead=fault.lead,
            repair=fault.repair,
        ) from None


def parsed(text: str) -> object:
    """Return what a text is that is a spec or names a model file; the file is not opened.

    Raises:
        SpecError: it is neither.
    """
    return choice_of(text) or Network.parse(text)
