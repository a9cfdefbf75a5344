"""What other tools count of a network, and why it is not what is counted here.

A tool's number is what its rules come to for each module, and the reasons are the same rules summed up one by one, so
they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rnncli.network import Network, check_sizes
from rnncli.reports.tool_rules import OTHERS, RECURRENT, TOOLS, Amount, Tool, Work


class Difference(NamedTuple):
    """Why a tool counts more or less than the matrix products.

    Attributes:
        difference: how much more; None while the timesteps that this needs are unknown.
        text: for what.
    """

    difference: int | None
    text: str

    def __str__(self) -> str:
        if self.difference is None:
            return f"? {self.text}"
        return f"{'−' if self.difference < 0 else '+'}{abs(self.difference):,} {self.text}"


class OtherCount(NamedTuple):
    """What a tool counts of a network.

    Attributes:
        tool: the tool.
        version: the version that was asked; None for what is counted here.
        counts: what it says that it counts: mult-adds, FLOPs.
        value: the number; None where it is not known.
        text: why it is that number, or not known, in words.
        reasons: why it is more or less than MACs, or 2 × MACs; they add up.
        needs: the option that would make it known; None where it is known, or nothing would.
    """

    tool: str
    version: str | None
    counts: str
    value: int | None
    text: str
    reasons: tuple[Difference, ...] = ()
    needs: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return self._asdict() | {"reasons": [reason._asdict() for reason in self.reasons]}


class OtherCounts(NamedTuple):
    """What several tools count of a network.

    Attributes:
        spec: the network.
        batch: how many samples it is for.
        timesteps: the length of the sequence that it is for; None if that is not known.
        counts: what is counted here, and what each tool counts.
    """

    spec: str
    batch: int
    timesteps: int | None
    counts: tuple[OtherCount, ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return them as plain data, the list in what `--format json` prints."""
        return [each.as_dict() for each in self.counts]


def other_counts(network: Network | str, batch: int | None = None, timesteps: int | None = None) -> OtherCounts:
    """Return what is counted here of a network, and what other tools count of it as a module of PyTorch.

    Args:
        network: the network, or its spec.
        batch: samples at a time; one if it is None.
        timesteps: length of the sequence, or None for unknown.

    Raises:
        SpecError: `timesteps` contradicts the spec.
    """
    network = Network.of(network)
    check_sizes(batch=batch, timesteps=timesteps)
    unknown = _unknown(network)
    works = [] if unknown else list(_works(network, batch, timesteps))
    return OtherCounts(
        spec=str(network),
        batch=batch or 1,
        timesteps=network.input_shape(batch, timesteps)[1],
        counts=(
            *_here(network.summary(batch, timesteps).macs),
            *(
                OtherCount(tool.name, tool.version, tool.counts, None, unknown) if unknown else _count(tool, works)
                for tool in TOOLS
            ),
        ),
    )


def _here(macs: int | None) -> Iterator[OtherCount]:
    """Yield what is counted here, and the same in FLOPs."""
    yield _counted("rnncli", None, "MACs", macs, "the multiply-adds of the matrix products")
    yield _counted("rnncli", None, "FLOPs", None if macs is None else 2 * macs, "2 × MACs: a product and a sum each")


def _counted(tool: str, version: str | None, counts: str, value: int | None, text: str) -> OtherCount:
    """Return a count that only the timesteps may be missing for."""
    return OtherCount(tool, version, counts, value, text, needs="--timesteps" if value is None else None)


def _unknown(network: Network) -> str:
    """Return why no tool's number can be known, or nothing."""
    for layer in network.body:
        conflict = layer.conflict("torch")
        if conflict is not None:
            return conflict.reason
        if layer.type_name("torch") not in (*RECURRENT, *OTHERS):
            return f"the tools were not asked about {layer.type_name('torch')}"
    if any(masked and layer.states for layer, masked in zip(network.body, network.masked, strict=True)):
        return "depends on the padding: with a mask PyTorch packs the sequences"
    return ""


def _works(network: Network, batch: int | None, timesteps: int | None) -> Iterator[Work]:
    shapes = network.shapes(batch, timesteps)
    for layer, weights, (reads, _) in zip(network.body, network.weights("torch"), shapes, strict=True):
        assert layer.type_name("torch") in (*RECURRENT, *OTHERS), f"the tools were not asked about {layer.kind}"
        yield Work(layer, weights, reads, batch or 1, layer.steps(reads))


def _count(tool: Tool, works: Sequence[Work]) -> OtherCount:
    """Return what a tool counts of a network, and why."""
    reasons: dict[str, list[int | None]] = {}
    value: list[int | None] = []
    for work in works:
        deviations = [each for each in tool.deviations if work.module in each.modules]
        amounts = [each.amount(work) for each in deviations]
        per_step = tool.times * work.matrices + sum(amount.each_step for amount in amounts)
        value.append(work.total(Amount(per_step, sum(amount.each_sample for amount in amounts))))
        for deviation, amount in zip(deviations, amounts, strict=True):
            reasons.setdefault(deviation.text, []).append(work.total(amount))
    differences = [Difference(_sum(each), text) for text, each in reasons.items()]
    shown = tuple(each for each in differences if each.difference != 0)
    remarks = [text for text, modules in tool.remarks if any(work.module in modules for work in works)]
    text = "; ".join([tool.base, *map(str, shown), *remarks])
    return _counted(tool.name, tool.version, tool.counts, _sum(value), text)._replace(reasons=shown)


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
