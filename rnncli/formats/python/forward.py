"""What the `forward` of a PyTorch module takes of what a recurrent layer returns: the whole sequence, or the last."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Taken(NamedTuple):
    """What is taken of the outputs of a recurrent layer.

    Attributes:
        sequence: whether all of them; the last alone, if not.
        known: whether the source says so.
        notes: what is otherwise here.
    """

    sequence: bool = False
    known: bool = False
    notes: tuple[str, ...] = ()


def taken_by(forward: ast.AST, owner: str, *, both: bool) -> Taken:
    """Return what a forward function takes of the outputs of a module.

    It is known where the outputs, or the last states, are taken in one of these ways alone: `out[:, -1]`, `out[-1]`,
    `h[-1]`; or the outputs as a whole, handed to another module or returned.

    Args:
        forward: the function.
        owner: the name of the module: `self.OWNER(x)` returns its outputs and its last states.
        both: whether it reads both ways.
    """
    outputs, states = set(), set()
    for node in ast.walk(forward):
        if isinstance(node, ast.Assign) and _calls(node.value, owner):
            match node.targets:
                case [ast.Tuple(elts=[ast.Name(id=out), ast.Tuple(elts=[ast.Name(id=state), *_])])]:
                    outputs.add(out)
                    states.add(state)
                case [ast.Tuple(elts=[ast.Name(id=out), ast.Name(id=state)])]:
                    outputs.add(out)
                    states.add(state)
                case [ast.Tuple(elts=[ast.Name(id=out), *_])]:
                    outputs.add(out)
                case _:
                    return Taken()
    states -= {"_"} | outputs
    if not outputs:
        return Taken()
    if any(_rebinds(node, outputs - {"_"}, owner) for node in ast.walk(forward)):
        return Taken()
    uses = set(_uses(forward, outputs, states))
    if uses == {"sequence"}:
        return Taken(sequence=True, known=True)
    if uses == {"last"} or uses == {"state"}:
        backwards = (
            "forward takes the outputs at the last timestep; the last output of the backward direction is taken here"
        )
        return Taken(known=True, notes=(backwards,) if both and uses == {"last"} else ())
    return Taken()


def called_in(forward: ast.AST) -> list[str]:
    """Return the modules that a forward function calls, in the order of their first calls: `self.NAME(x)`."""
    names: dict[str, None] = {}
    waiting: list[tuple[ast.AST, bool]] = [(forward, False)]
    while waiting:
        node, read = waiting.pop()
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if read:
                names[name] = None
        if not read:
            waiting.append((node, True))
            # The right side of an assignment comes first, and what a call is given before the call.
            children = list(ast.iter_child_nodes(node))
            waiting += [(child, False) for child in reversed(children)]
    return list(names)


def _calls(node: ast.expr, owner: str) -> bool:
    """Whether an expression is a call of a module: `self.rnn(x)`, `self.layers[0](x)` is none."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            return name == owner
    return False


def _rebinds(node: ast.AST, names: set[str], owner: str) -> bool:
    """Whether a statement gives one of some names another value that is not taken from it in a way that is known."""
    if not isinstance(node, ast.Assign) or _calls(node.value, owner):
        return False
    targets = {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return bool(targets & names) and not (isinstance(node.value, ast.Subscript) or _of_module(node.value))


def _of_module(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
            return True
    return False


def _uses(forward: ast.AST, outputs: set[str], states: set[str]) -> Iterator[str]:
    """Yield how the outputs and the states are used: sequence, last, state, other."""
    parents = {child: node for node in ast.walk(forward) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(forward):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        parent = parents.get(node)
        if node.id in outputs:
            yield _use_of_outputs(node, parent)
        elif node.id in states:
            yield from _use_of_states(node, parent, parents)


def _use_of_outputs(node: ast.Name, parent: ast.AST | None) -> str:
    match parent:
        case ast.Subscript(value=value, slice=index) if value is node:
            return "last" if _is_last(index) else "other"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))) | ast.Return():
            return "sequence"
        case ast.Tuple():
            return "sequence"
    return "other"


def _use_of_states(node: ast.Name, parent: ast.AST | None, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    match parent:
        case ast.Subscript(value=value, slice=index) if value is node:
            yield "state" if _is_last(index) or _ends(index) else "other"
        case ast.Attribute(value=value, attr="squeeze") if value is node:
            yield "state"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))) | ast.Compare():
            pass  # they go back into the layer
        case ast.Tuple() if _is_returned(parent, parents):
            pass  # states that go out beside the outputs say nothing about these
        case _:
            yield "other"


def _is_returned(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while isinstance(node, ast.Tuple) and node in parents:
        node = parents[node]
    return isinstance(node, ast.Return)


def _is_last(index: ast.expr) -> bool:
    """Whether an index takes the last: `[-1]`, `[:, -1]`, `[:, -1, :]`."""
    match index:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return True
        case ast.Tuple(elts=[ast.Slice(lower=None, upper=None, step=None), last, *rest]):
            whole = all(isinstance(each, ast.Slice) and each.lower is each.upper is each.step is None for each in rest)
            return whole and not isinstance(last, ast.Tuple) and _is_last(last)
        case ast.Tuple(elts=[last, *rest]):
            whole = all(isinstance(each, ast.Slice) and each.lower is each.upper is each.step is None for each in rest)
            return whole and not isinstance(last, ast.Tuple) and _is_last(last)
    return False


def _ends(index: ast.expr) -> bool:
    """Whether an index takes the last state of a direction: `h[-2]`, `h[-2, :, :]`."""
    match index:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=2)):
            return True
        case ast.Tuple(elts=[ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=2)), *_]):
            return True
    return False
