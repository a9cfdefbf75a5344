"""The package's architecture: nothing imports upwards, no cycles, and each library is used only in its rooms."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from bare_system import ABSENT
from bare_system import MODULES as ABSENT_MODULES
from conftest import Walk

import rnncli.layers
from rnncli.layers import Layer

PACKAGE = Path(rnncli.__file__).parent

FLOORS = (
    ("characters", "immutable"),
    ("errors", "system"),
    ("atomic", "quantities", "results", "vocabulary"),
    ("layers",),
    ("language", "network_summary"),
    ("network",),
    ("formats",),
    ("engine", "reports", "search"),
    ("export", "render"),
    ("library",),
    ("commands", "cli"),
    ("__main__",),
)
"""The rooms of the package from the ground up. A room imports only from its own floor or below."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

ROOMS_OF_LIBRARIES = {
    "click": {"cli", "commands"},
    "rich": {"render"},
    "numpy": {"engine", "export", "formats", "search"},
    "h5py": {"export", "formats"},
}
"""The only rooms that may import a library."""

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
FILES = {f"rnncli/{module}" for module in MODULES}


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


@cache
def nodes_of(module: str) -> tuple[ast.AST, ...]:
    """All nodes of a file's syntax tree."""
    return tuple(ast.walk(tree_of(module)))


@cache
def imported_by(module: str) -> frozenset[str]:
    """The modules that a file imports anywhere, except for type checkers."""
    found: set[str] = set()
    left: list[ast.AST] = [tree_of(module)]
    while left:
        match left.pop():
            case ast.If(ast.Name("TYPE_CHECKING")) | ast.expr():  # expressions contain no imports
                pass
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(base, names):
                within = {alias.name: f"{base}.{alias.name}".replace(".", "/") for alias in names}
                found |= {f"{base}.{name}" if f"{path}.py" in FILES else str(base) for name, path in within.items()}
            case node:
                left += ast.iter_child_nodes(node)
    return frozenset(found)


def room_of(module: str) -> str:
    """The room of a file, or of a name such as rnncli.language.spec."""
    return module.removesuffix(".py").split("/")[0] if "/" in module or module.endswith(".py") else module.split(".")[1]


def test_a_module_imports_from_its_own_floor_or_below_and_libraries_only_in_their_rooms(at: Walk) -> None:
    for module in MODULES:
        room = room_of(module)
        for name in imported_by(module) if module != "__init__.py" else ():
            with at(module, "imports", name):
                if name.startswith("rnncli."):
                    assert FLOOR[room_of(name)] <= FLOOR[room], "it is on a higher floor"
                library = name.split(".")[0]
                assert room in ROOMS_OF_LIBRARIES.get(library, {room}), "not in this room"


def test_modules_do_not_import_one_another_in_a_cycle() -> None:
    names = {
        module: "rnncli." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for module in MODULES
    }
    graph = {names[module]: imported_by(module) & {*names.values()} for module in MODULES if module != "__init__.py"}
    left = {name: needs - {name, "rnncli"} for name, needs in graph.items()}
    while done := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in done:
            del left[name]
    assert not left, f"an import cycle among {', '.join(sorted(left))}"


def test_the_root_holds_only_shared_modules() -> None:
    at_the_root = [module for module in MODULES if "/" not in module and not module.startswith("__")]
    assert len(at_the_root) <= 10
    assert len({module.rpartition("/")[2] for module in MODULES if "files" in module}) <= 1


def test_a_class_has_a_name_of_its_own() -> None:
    classes = [each.name for module in MODULES for each in nodes_of(module) if isinstance(each, ast.ClassDef)]
    counts = Counter(name.lstrip("_") for name in classes)
    assert [name for name, count in counts.items() if count > 1] == []


def test_a_module_with_named_tuples_has_postponed_annotations(at: Walk) -> None:
    """From Python 3.14 on, a class body has no annotations while the class is created unless they are strings."""
    for module in MODULES:
        named = [each for each in nodes_of(module) if isinstance(each, ast.ClassDef) and each.bases]
        tuples = any(isinstance(base, ast.Name) and base.id == "NamedTuple" for each in named for base in each.bases)
        with at(module, "names its tuples" if tuples else ""):
            assert not tuples or "__future__" in imported_by(module)
            assert not tuples or "rnncli.immutable" in imported_by(module)


def test_the_package_docstring_lists_every_room() -> None:
    assert [room for room in FLOOR if room != "__main__" and f"`{room}`" not in str(rnncli.__doc__)] == []


def test_nothing_outside_the_layers_checks_for_a_layers_class(at: Walk) -> None:
    """A kind is described by its declarations; the tables of engine and export are keyed by its name or class."""
    kinds = {name for name, each in vars(rnncli.layers).items() if isinstance(each, type) and each is not Layer}
    for module in MODULES:
        for node in nodes_of(module) if not module.startswith("layers/") else ():
            match node:
                case ast.Call(ast.Name("isinstance" | "issubclass")) | ast.Compare():
                    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                    found = names & kinds if isinstance(node, ast.Call) or "type" in names else set()
                    with at(module, ast.unparse(node) if found else ""):
                        assert not found


NOT_EVERYWHERE = {
    *("_posixsubprocess", "ctypes", "mmap", "multiprocessing", "select", "socket", "subprocess", *ABSENT_MODULES),
}
"""Modules that some systems lack, or that do not work there."""


def named(node: ast.AST) -> set[str]:
    """The system-specific names in a piece of code: modules, their contents, and Linux files."""
    match node:
        case ast.Import(names):
            return {each.name for each in names}
        case ast.ImportFrom(str(module), names):
            return {module, *(f"{module}.{each.name}" for each in names)}
        case ast.Attribute(ast.Name(module), attribute):
            return {f"{module}.{attribute}"}
        case ast.Constant(str(text)):
            return {text[:5]}
    return set()


def test_system_specific_names_appear_in_only_one_room(at: Walk) -> None:
    absent = {f"{module}.{name}" for module, names in ABSENT.items() for name in names.split()}
    for module in MODULES:
        found = set().union(*map(named, nodes_of(module))) & (absent | NOT_EVERYWHERE | {"/proc", "/sys/"})
        with at(module, *found):
            assert not found or room_of(module) == "system"
