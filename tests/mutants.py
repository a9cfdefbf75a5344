"""Plant mistakes in the code and measure how many the tests find.

    python tests/mutants.py [--count 150] [--seed 1] [--thorough]

It chooses places all over `rnncli/` (the same ones for the same seed), plants one small mistake at a time in a copy of
the project, runs the tests there until one fails, and reports the mistakes that no test found. Some of those do not
change behaviour; every other one shows a missing test.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 1800
"""Seconds until hanging tests are stopped; a hang counts as found."""


class Mutant(NamedTuple):
    """A mistake: the byte range to replace in a file, and the replacement."""

    kind: str
    path: str
    line: int
    start: int
    end: int
    becomes: str

    def planted_in(self, source: bytes) -> bytes:
        """The source with the mistake."""
        return source[: self.start] + self.becomes.encode() + source[self.end :]


ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.FloorDiv: "*", ast.Div: "*", ast.Mod: "*"}
COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}


def _other_number(value: object) -> str:
    return str(not value) if isinstance(value, bool) else str(value + 1)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float))


def mistakes(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """The possible mistakes at a node: the kind, the node to replace, and the replacement."""
    match node:
        case ast.BinOp(left, operator, right) if type(operator) in ARITHMETIC and not isinstance(left, ast.Constant):
            yield "sign", node, f"{ast.unparse(left)} {ARITHMETIC[type(operator)]} ({ast.unparse(right)})"
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign", node, f"({ast.unparse(operand)})"
        case ast.Compare(left, [operator], [right]):
            changed = COMPARISONS[type(operator)]
            yield (
                "bound" if changed[0] in "<>" else "condition",
                node,
                f"({ast.unparse(left)} {changed} {ast.unparse(right)})",
            )
        case ast.BoolOp(operator, values):
            word = " or " if isinstance(operator, ast.And) else " and "
            yield "condition", node, f"({word.join(f'({ast.unparse(value)})' for value in values)})"
        case ast.FunctionDef(args=arguments):
            for default in [*arguments.defaults, *arguments.kw_defaults]:
                if default is not None and _is_number(default):
                    yield "default", default, _other_number(default.value)
        case ast.AnnAssign(value=ast.Constant() as default) if _is_number(default):
            yield "default", default, _other_number(default.value)
        case ast.Tuple([ast.Constant(str()) as first, ast.Constant(str()) as second, *rest], ast.Load()):
            yield "order", node, f"({', '.join(map(ast.unparse, [second, first, *rest]))})"
        case ast.Constant(str() as text) if re.search(r"[a-z]{2,} [a-z]{2,}", text):
            words = text.split(" ")
            longest = max(words, key=len)
            yield "word", node, repr(text.replace(longest, longest[::-1], 1))
        case ast.Constant(0o600 | 0o666 | 0o777):
            yield "mode", node, "0o644"
        case ast.Constant(str() as text) if text in ("wb", "w", "r", "rb", "ab", "r+b"):
            yield "mode", node, repr({"wb": "ab", "w": "a", "r": "r+", "rb": "r+b", "ab": "wb", "r+b": "wb"}[text])
        case ast.Expr(ast.Call(function)) as call:
            name = ast.unparse(function)
            yield ("fsync" if "fsync" in name else "lost call"), call, "pass"
        case ast.Raise():
            yield "swallowed error", node, "pass"
        case ast.If(ast.Compare() | ast.BoolOp()):
            pass  # its condition is mutated instead
        case ast.If(test) if "TYPE_CHECKING" not in ast.unparse(test):
            yield "condition", test, f"(not ({ast.unparse(test)}))"
        case ast.Constant(int() as number) if not isinstance(number, bool):
            yield "constant", node, str(number + 1)


def _walked(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except docstrings, annotations and the parts of f-strings."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment", "decorator_list"):
            continue
        if name == "comparators" and isinstance(value[0], ast.Tuple):  # the order of such a tuple has no effect
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            yield from _walked(child)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every possible mistake in a file."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _walked(ast.parse(source)):
        for kind, place, becomes in mistakes(node):
            start = starts[place.lineno - 1] + place.col_offset
            end = starts[place.end_lineno - 1] + place.end_col_offset
            mutant = Mutant(kind, str(path.relative_to(ROOT)), place.lineno, start, end, becomes)
            try:
                ast.parse(mutant.planted_in(source))
            except SyntaxError:
                continue
            yield mutant


QUOTAS = {
    "sign": 20,
    "bound": 20,
    "condition": 15,
    "constant": 15,
    "default": 15,
    "order": 10,
    "word": 18,
    "mode": 6,
    "fsync": 2,
    "lost call": 15,
    "swallowed error": 14,
}
"""The number of mutants of each kind per 150."""


def chosen(count: int, seed: int) -> list[Mutant]:
    """Choose mistakes of every kind from every folder, the same ones for the same seed."""
    dice = random.Random(seed)
    possible: dict[str, dict[str, list[Mutant]]] = {}
    for path in sorted((ROOT / "rnncli").rglob("*.py")):
        for mutant in mutants_of(path):
            possible.setdefault(mutant.kind, {}).setdefault(str(Path(mutant.path).parent), []).append(mutant)
    found: list[Mutant] = []
    for kind, quota in QUOTAS.items():
        folders = [dice.sample(mutants, len(mutants)) for _, mutants in sorted(possible[kind].items())]
        weights = [len(mutants) ** 0.5 for mutants in folders]
        wanted = min(max(1, round(quota * count / 150)), sum(map(len, folders)))
        while wanted:
            if mutants := dice.choices(folders, weights)[0]:
                found.append(mutants.pop())
                wanted -= 1
    return found if len(found) <= count else dice.sample(found, count)


def is_found(mutant: Mutant, folder: Path, options: list[str]) -> bool:
    """Whether the tests fail on a copy of the project with the mistake."""
    file = folder / mutant.path
    source = file.read_bytes()
    file.write_bytes(mutant.planted_in(source))
    line = [sys.executable, "-m", "pytest", "--exitfirst", "--quiet", "-n", "auto", "-p", "no:cacheprovider", *options]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(line, cwd=folder, env=environment, stdout=subprocess.DEVNULL, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_bytes(source)
    return done.returncode != 0


def main() -> None:
    """Plant the mistakes one after another and report whether each was found."""
    parser = argparse.ArgumentParser(description="Plant mistakes in rnncli and report those that no test finds.")
    parser.add_argument("--count", type=int, default=150, help="number of mistakes (150)")
    parser.add_argument("--seed", type=int, default=1, help="seed of their choice (1)")
    parser.add_argument("--thorough", action="store_true", help="run all tests, with all examples")
    given = parser.parse_args()
    planted, found = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for mutant in chosen(given.count, given.seed):
            is_caught = is_found(mutant, copy, ["--thorough"] if given.thorough else [])
            planted[mutant.kind] += 1
            found[mutant.kind] += is_caught
            was = (ROOT / mutant.path).read_bytes()[mutant.start : mutant.end].decode()
            word = "found" if is_caught else "NOT FOUND"
            print(f"{word:9} {mutant.path}:{mutant.line} {mutant.kind}: {was!r} -> {mutant.becomes!r}", flush=True)
    for kind, count in planted.items():
        print(f"{kind:15} {found[kind]:3} of {count:3}")
    print(f"{'all':15} {found.total():3} of {planted.total():3}")


if __name__ == "__main__":
    main()
