"""The syntax trees of Python files, notebooks and expressions."""

from __future__ import annotations

import ast
import json
import re
import tokenize
import warnings
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from itertools import islice

from rnncli.errors import RnncliError, shorten
from rnncli.formats import AGAIN

MAX_SOURCE = 250_000
"""The longest source, in bytes; a single model is a fiftieth of that."""

MAX_NOTEBOOK = 20_000_000
"""The longest notebook, in bytes; notebooks also contain pictures."""

_MAX_WRITTEN = 60
"""The largest expression that is shown whole, in nodes of its tree."""


class UnparsableError(ValueError):
    """A text that is not valid Python; the message says where and why."""


def tree_of(text: str) -> ast.Module:
    """Return the syntax tree of a text.

    Raises:
        UnparsableError: it is not valid Python, or nested too deeply to be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise UnparsableError(f"{where}{shorten(str(error.msg), 80)}") from None
    except (RecursionError, MemoryError):
        raise UnparsableError("it is nested too deeply") from None
    except ValueError as error:  # a null byte, a surrogate
        raise UnparsableError(shorten(str(error), 80)) from None


def expression_in(text: str) -> ast.expr | None:
    """Return the first statement of a text that is an expression, or None."""
    try:
        return next((each.value for each in tree_of(text.strip()).body if isinstance(each, ast.Expr)), None)
    except UnparsableError:
        return None


def source_of(node: ast.AST) -> str:
    """Return an expression as it is written, on one line; a long one is abbreviated."""
    if sum(1 for _ in islice(ast.walk(node), _MAX_WRITTEN + 1)) > _MAX_WRITTEN:
        return "a long expression"
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return "an expression"


def written_as(text: str) -> str:
    """Return an expression as the syntax tree formats it; spaces and quotes do not matter."""
    expression = expression_in(text)
    return text.strip() if expression is None else source_of(expression)


def ends_alike(name: str, names: Iterable[str]) -> list[str]:
    """Return the expressions that end with the same name as another one: `args.vocab` for `vocab`."""
    end = _last_name(expression_in(name))
    return [each for each in names if end and _last_name(expression_in(each)) == end]


def expressions_in(path: str) -> list[str]:
    """Return the attributes and items that a Python file names, once each: `args.vocab`, `config['vocab']`.

    Raises:
        RnncliError: it is not valid Python, no notebook, or too large.
    """
    tree = tree_in(path, notebook=path.lower().endswith(".ipynb"))
    found = (each for each in ast.walk(tree) if isinstance(each, ast.Attribute | ast.Subscript) and _last_name(each))
    return [*dict.fromkeys(map(source_of, found))]


def _last_name(node: ast.AST | None) -> str:
    """Return the name at the end of an expression: `vocab` for `args.vocab` and `config["vocab"]`; else nothing."""
    match node:
        case ast.Attribute(value=ast.Name(id="self")):  # one of several names of a number in a class
            return ""
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def tree_in(path: str, *, notebook: bool) -> ast.Module:
    """Return the syntax tree of a Python file, or of a notebook's cells, joined in order.

    Raises:
        RnncliError: it is not valid Python, no notebook, or too large.
    """
    with open(path, "rb") as file:
        data = file.read((MAX_NOTEBOOK if notebook else MAX_SOURCE) + 1)
    return _notebook(data) if notebook else _source(data)


def _check_size(size: int, limit: int = MAX_SOURCE, what: str = "Python source") -> None:
    if size > limit:
        raise RnncliError(f"it has more than {limit:,} bytes, the limit for {what}")


def _source(data: bytes) -> ast.Module:
    """Return the syntax tree of a file, a text in the encoding that it declares (PEP 263), or UTF-8."""
    _check_size(len(data))
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        text = data.decode(encoding)
        with suppress(UnparsableError):
            return tree_of(text)
        return tree_of(_without_magics(text))
    except UnparsableError as error:
        raise RnncliError(f"it is not valid Python: {error}") from None
    except (SyntaxError, LookupError, ValueError) as error:
        line = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        reason = "a byte that is not text" if isinstance(error, UnicodeDecodeError) else "an unknown encoding"
        raise RnncliError(f"it is not valid Python: line {line} has {reason}", "save it as UTF-8") from None


class _CellLine(int):
    """A line of a cell, which messages write as `2 of cell 3`."""

    cell: int

    def __str__(self) -> str:
        return f"{int(self)} of cell {self.cell}"

    def __format__(self, form: str) -> str:
        return format(str(self), form)


def _notebook(data: bytes) -> ast.Module:
    """Return the syntax tree of a notebook's code, its cells joined in order."""
    if not data:
        raise RnncliError("it is empty", AGAIN)
    _check_size(len(data), MAX_NOTEBOOK, "a notebook")
    try:
        found = json.loads(data)
        sheets = found.get("worksheets", [found])  # which notebooks had before 2015
        every = enumerate((cell for sheet in sheets for cell in sheet["cells"]), 1)
        cells = {number: cell for number, cell in every if cell["cell_type"] == "code"}
        texts = {number: "".join(cell["input" if "input" in cell else "source"]) for number, cell in cells.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RnncliError("it is not a Jupyter notebook, or is damaged", AGAIN) from None
    _check_size(sum(map(len, texts.values())))
    body: list[ast.stmt] = []
    for number, text in texts.items():
        try:
            tree = tree_of(_without_magics(text))
        except UnparsableError as error:
            raise RnncliError(f"cell {number} is not valid Python: {error}") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt | ast.expr | ast.arg):
                node.lineno, _ = _CellLine(node.lineno), None
                node.lineno.cell = number
        body += tree.body
    return ast.Module(body, [])


def _without_magics(text: str) -> str:
    """Return code without IPython's additions, `%magic`, `!command`, `name?`, prompts, and Python 2's `print x`."""
    lines = text.splitlines()
    if any(line.lstrip().startswith((">>> ", "In [")) for line in lines):
        found = [re.fullmatch(r"\s*(?:>>>|\.\.\.:?|In ?\[[0-9]*\]:) ?(.*)", line) for line in lines]
        lines = ["" if each is None else each[1] for each in found]
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in ("%%time", "%%timeit", "%%capture"):
        return ""
    kept = []
    for line in lines:
        bare = line.strip()
        magic = bare.startswith(("%", "!", "?")) or bare.endswith("?") or re.match(r"print\s+[^\s(=]", bare)
        assigned = "=" in bare and bare.partition("=")[2].strip().startswith(("%", "!"))
        indent = line[: len(line) - len(line.lstrip())]
        kept.append(f"{indent}pass" if magic else f"{indent}{bare.partition('=')[0]}= None" if assigned else line)
    return "\n".join(kept)


def names_taken(module: ast.Module) -> dict[str, int]:
    """Return the names and `.attributes` that a file uses as values, each with the line of a use.

    Uses inside a definition of the same name do not count, nor do bases, decorators, annotations, `isinstance` and
    assignments that only give it another name.
    """
    found: dict[str, int] = {}
    waiting: list[tuple[ast.AST, tuple[str, ...]]] = [(module, ())]
    for node, inside in waiting:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in inside:
                found.setdefault(name, node.lineno)
            case ast.Attribute(attr=name) if name not in inside:
                found.setdefault(f".{name}", node.lineno)
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "super")):
                continue
            case ast.Assign(targets=[ast.Name()], value=ast.Name()):  # another name for it
                continue
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                inside = (*inside, name)
        for field, value in ast.iter_fields(node):
            if field not in ("annotation", "returns", "bases", "decorator_list", "ctx"):
                values = value if isinstance(value, list) else [value]
                waiting += [(each, inside) for each in values if isinstance(each, ast.AST)]
    return found


def as_ifs(node: ast.Match) -> list[ast.stmt]:
    """Return a `match` as nested `if` statements; the test of a pattern with parts is not known."""
    rest: list[ast.stmt] = []
    subject = ast.Name(source_of(node.subject), ast.Store())  # a call is followed once
    for case in reversed(node.cases):
        tests = [*_tests(case.pattern, subject), *([case.guard] if case.guard else [])]
        test = ast.copy_location(ast.BoolOp(ast.And(), tests or [ast.Constant(True)]), case.pattern)
        rest = [ast.copy_location(ast.If(ast.fix_missing_locations(test), case.body, rest), case.pattern)]
    return [ast.copy_location(ast.Assign([subject], node.subject), node), *rest]


def _tests(pattern: ast.pattern, subject: ast.expr) -> list[ast.expr]:
    """Return the tests of a pattern in order; one that binds a name is a list with a `:=`, which always holds."""
    several = pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]
    values = [each.value for each in several if isinstance(each, ast.MatchValue)]
    match pattern:
        case ast.MatchValue() | ast.MatchOr() if len(values) == len(several):
            return [ast.Compare(subject, [ast.In()], [ast.List(values)])]
        case ast.MatchSingleton(value=value):
            return [ast.Compare(subject, [ast.Is()], [ast.Constant(value)])]
        case ast.MatchAs(pattern=inner, name=name):
            tests = [] if inner is None else _tests(inner, subject)
            return [*tests, ast.List([ast.NamedExpr(ast.Name(name, ast.Store()), subject)])] if name else tests
    return [ast.Name(source_of(pattern))]


def words_in(node: ast.AST) -> set[str]:
    """Return the names used in a node, including those in texts."""
    words = (getattr(each, field, None) for each in ast.walk(node) for field in ("id", "attr", "name", "value"))
    return {word.rpartition(".")[2] for word in words if isinstance(word, str)}


def names_leading_to(classes: Iterable[str], module: ast.Module) -> frozenset[str]:
    """Return the names at the top of a file that can lead to one of some classes; empty if it mentions nothing such.

    A name can if its definition uses one of them, another such name, or `getattr(nn, rnn_type)` or `eval(...)`.
    """
    users: dict[str, list[set[str]]] = {}
    for each in module.body:
        used = words_in(each)
        used |= {"getattr" for one in (ast.walk(each) if "eval" in used else ()) if getattr(one, "id", "") == "eval"}
        for name in used:
            users.setdefault(name, []).append({each.name} if isinstance(each, ast.FunctionDef | ast.ClassDef) else used)
    found, waiting = set[str](), [*classes, "getattr"]
    while waiting:
        for named in users.pop(waiting.pop(), ()):
            waiting += named - found
            found |= named
    return frozenset(found)
