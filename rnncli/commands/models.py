"""Networks from model files: where a SPEC may stand, the path of a file may, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnncli.commands.report import tell
from rnncli.formats import choice_of, open_model, part_of
from rnncli.network import Network

if TYPE_CHECKING:
    from rnncli.formats.model_file import Part


class Given(NamedTuple):
    """A network, and the part of a model file that it is, if it came from one."""

    network: Network
    part: Part | None = None


def given(text: str) -> Given:
    """Return the network that a spec or a model file is.

    Raises:
        SpecError: the spec is wrong.
        RnncliError: the file cannot be read, or holds nothing recurrent.
        UsageError: the file has several parts, and none or no such one is named.
    """
    choice = choice_of(text)
    if choice is None:
        return Given(Network.parse(text))
    from rnncli.reports.inspection import left_out

    model = open_model(choice.path)
    part = part_of(model, choice.part)
    note = left_out(model, part)
    if note:
        tell(f"Note: {note}")
    return Given(part.network, part)


def parsed(text: str) -> object:
    """Return what a text is that is a spec or names a model file; the file is not opened.

    Raises:
        SpecError: it is neither.
    """
    return choice_of(text) or Network.parse(text)
