"""How the tests run rnncli: in this process, as a program, on a terminal; and the screens that are kept as files.

What is right comes from elsewhere:

- Keras, and PyTorch under `--framework torch`: `tests/golden` holds what the real frameworks said and computed, and the
  tests that read it need neither. `make golden` asks them anew; `make judge` compares thousands of random networks.
- Plain formulas, as a textbook has them: `tests/reference.py`. What the tests know of a kind of layer stands in a file
  of its own in `tests/kinds`, written by hand and not read from the declarations.
- People: `tests/screens` and `README.md` are what they see. `pytest --rewrite-screens` writes both anew, to be reviewed
  by eye. Many screens are sessions: a new case is one more line `$ rnncli …` in the file (`tests/sessions.py`).

There are two rings. `make test` runs what a change should be held to before it is committed, in two minutes: properties
with 30 examples. `make test-all`, which is `pytest --thorough`, tries all of their examples, and what is marked
`thorough`: what starts many processes, fills memory or needs the shells of the machine. `make check` runs what a change
touches. `pytest --shuffle SEED` runs tests in another order, and any file passes alone.

A walk over commands, widths, formats or words is a loop in one test: `with at(command, width):` gathers what fails
there, and the test says all of it together, a line each.

`make bench` measures, always as ratios in one run: `tests/benchmarks`. `make test-oldest` runs the tests twice more: on
the oldest Python, click, numpy and rich that `pyproject.toml` allows, and on the newest Python that this machine has.
`make fuzz` damages specs, patterns, templates, command lines and files: each must give an error of the project's own or
a right answer, soon and within a gigabyte; it prints its seed, and what makes any of its cases again. `make mutants`
plants mistakes in the code and says which of them no test finds.
"""

from __future__ import annotations

import io
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy.testing  # noqa: F401  # NumPy 2.0 starts a program as it is imported, which a test would count
import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import engine

from rnncli import Network
from rnncli.cli import run
from rnncli.layers import Layer

collect_ignore = ["golden", "benchmarks", "fuzz", "kinds", "halving.py"]
"""What needs the frameworks or is a program of its own; pytest would look for examples in it."""

SCREENS = Path(__file__).parent / "screens"
HEARD = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM", "RNNCLI_SPEC", "PYTHONIOENCODING")
"""What the environment can say to rnncli; a test says it anew."""
PATIENCE = 60
"""Seconds until a program that hangs is given up."""

FEW_EXAMPLES = 30
"""How many examples of a property are tried where not all are."""
MEMORY = 6 << 30
"""Bytes of address space that a test and the programs it starts may take."""


class GivenUp(BaseException):  # no handler of errors may hear it
    """Something takes a minute of processor time, as only what grows faster than its input does."""


@contextmanager
def patience() -> Iterator[None]:
    """Give up what takes too long in the block. How long it takes otherwise is for benchmarks."""

    def give_up(number: int, frame: object) -> None:
        raise GivenUp

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Result(NamedTuple):
    """What a command line did."""

    status: int
    stdout: str
    stderr: str


class Columns(NamedTuple):
    """How wide a terminal is made."""

    width: int


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run what takes long too, and try all examples")
    parser.addoption("--rewrite-screens", action="store_true", help="write tests/screens and README.md anew")
    parser.addoption("--shuffle", metavar="SEED", help="run the tests in another order, the same for the same SEED")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "thorough: takes long, and is run with --thorough alone")
    thorough = config.getoption("--thorough")
    settings.register_profile(
        "rnncli",
        deadline=None,
        max_examples=100 if thorough else FEW_EXAMPLES,
        # Examples that failed are kept in the source tree.
        **({} if os.access(config.rootpath, os.W_OK) else {"database": None}),
    )
    settings.load_profile("rnncli")
    engine.MAX_SHRINKING_SECONDS = 60 if thorough else 5  # hypothesis has no setting for it; it takes five minutes
    _hear_signals()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    most = min([MEMORY, *(limit for limit in limits if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))


def _hear_signals() -> None:
    """Let what the tests start hear every signal, also where they run in the background or behind nohup.

    A program inherits that a signal is ignored, but not how it is handled: these do nothing, so the tests stay deaf.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def examples(count: int) -> settings:
    """How many examples of a property are tried: with --thorough so many, otherwise few."""
    return settings(max_examples=count if settings().max_examples > FEW_EXAMPLES else min(count, FEW_EXAMPLES))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
    if seed := config.getoption("--shuffle"):
        random.Random(seed).shuffle(items)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say what layers and networks differ in a line, not field by field."""
    return [f"{left!r} {op} {right!r}"] if isinstance(left, Layer | Network) else None


for _shown in (Layer, Network):  # hypothesis would print every field of a dataclass
    _shown._repr_pretty_ = lambda self, printer, cycle: printer.text(repr(self))  # type: ignore[attr-defined]


class Walk:
    """What fails on a walk over commands, widths, words: all of it is gathered and said together, a line each."""

    def __init__(self) -> None:
        self.places = 0
        self.failures: list[tuple[str, BaseException]] = []

    @contextmanager
    def __call__(self, *place: object) -> Iterator[None]:
        """One place on the walk; what fails in the block fails the test when the walk is done."""
        self.places += 1
        try:
            yield
        except (Exception, pytest.fail.Exception) as failure:
            self.failures.append((" ".join(map(str, place)), failure))

    def end(self) -> None:
        """Fail if anything did, or if the walk led nowhere."""
        assert self.places, "the walk has no places"
        if self.failures:
            lines = [
                f"{place}: {(str(failure).strip() or repr(failure)).splitlines()[0]}"
                for place, failure in self.failures
            ]
            raise AssertionError("\n".join([f"{len(lines)} failed", *lines])) from self.failures[0][1]


@pytest.fixture
def at() -> Walk:
    """A walk of which every place is looked at, whatever fails at another."""
    return Walk()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    result = yield
    if isinstance(walk := pyfuncitem.funcargs.get("at"), Walk):
        walk.end()
    return result


@pytest.fixture(autouse=True)
def _a_quiet_environment_and_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in HEARD:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def rnncli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command line in this process; an exception that rnncli does not handle fails the test."""

    def call(*arguments: object, stdin: str | bytes | None = None) -> Result:
        if stdin is not None:
            data = stdin.encode() if isinstance(stdin, str) else stdin
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        capsys.readouterr()
        with monkeypatch.context() as debugging:
            debugging.setenv("RNNCLI_DEBUG", "1")
            status = run([str(argument) for argument in arguments])
        return Result(status, *capsys.readouterr())

    return call


def program_line(*arguments: object) -> list[str]:
    """The command line that starts rnncli as a program of its own."""
    return [sys.executable, "-m", "rnncli", *map(str, arguments)]


@pytest.fixture
def program() -> Callable[..., Result]:
    """Run rnncli as a program; `shell` is a line of sh in which "$@" is the program and its arguments."""

    def call(*arguments: object, stdin: bytes = b"", shell: str | None = None, **env: str) -> Result:
        line = program_line(*arguments)
        if shell is not None:
            line = ["bash", "-o", "pipefail", "-c", shell, "bash", *line]
        done = subprocess.run(line, input=stdin, capture_output=True, env=os.environ | env, timeout=PATIENCE)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
sys.argv[1:] = sys.argv[2:]
from rnncli.__main__ import main
main()
"""


@pytest.fixture
def terminal() -> Callable[..., Result]:
    """Run rnncli on a terminal; what is written there is `stdout`, and `stderr` is empty.

    With `stdout_piped` standard output is a pipe instead: then `stdout` is what came through it, and `stderr` what the
    terminal showed. `press` is called with what the terminal has shown so far and returns keys to press, or a signal to
    send, or columns for the terminal to have from now on.
    """
    pty = pytest.importorskip("pty")
    import fcntl
    import select
    import struct
    import termios

    def call(
        *arguments: object,
        columns: int = 80,
        stdout_piped: bool = False,
        press: Callable[[str], str | signal.Signals | Columns] = lambda shown: "",
        **env: str,
    ) -> Result:
        keyboard, screen = pty.openpty()

        def resize(columns: int) -> None:
            fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        resize(columns)
        process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLED, "2", *map(str, arguments)],
            stdin=screen,
            stdout=subprocess.PIPE if stdout_piped else screen,
            stderr=screen,
            env=os.environ | {"TERM": "xterm-256color"} | env,
            start_new_session=True,
        )
        os.close(screen)
        shown, end = b"", time.monotonic() + PATIENCE
        while time.monotonic() < end and select.select([keyboard], [], [], PATIENCE)[0]:
            try:
                part = os.read(keyboard, 65536)
            except OSError:  # how Linux says that nobody holds the other end any more
                break
            if not part:
                break
            shown += part
            match press(shown.decode(errors="replace")):
                case str(keys):
                    os.write(keyboard, keys.encode())
                case signal.Signals() as number:
                    process.send_signal(number)
                case Columns(width):
                    resize(width)
        os.close(keyboard)
        if process.poll() is None and time.monotonic() >= end:
            process.kill()
        piped = process.stdout.read().decode() if process.stdout else ""
        if process.stdout:
            process.stdout.close()
        text = shown.decode().replace("\r\n", "\n")
        status = process.wait(PATIENCE)
        return Result(status, piped, text) if stdout_piped else Result(status, text, "")

    return call


@pytest.fixture
def screen(request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """Compare a text with the file of that name in tests/screens, or write the file with --rewrite-screens."""
    rewritten = []

    def compare(name: str, text: str) -> None:
        file = SCREENS / f"{name}.txt"
        if request.config.getoption("--rewrite-screens"):
            file.write_text(text, encoding="utf-8")
            rewritten.append(file.name)
        else:
            assert text == file.read_text(encoding="utf-8"), f"{file} shows something else"

    yield compare
    if rewritten:
        print(f"rewritten: {', '.join(rewritten)}", file=sys.stderr)


def without_styles(text: str) -> str:
    """What a terminal shows of a text: its escape sequences left out."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def with_visible_styles(text: str) -> str:
    """A text whose escape sequences can be read in a file."""
    return text.replace("\x1b", "␛")


def lines_of(*specs: str) -> str:
    """Specs one a line, as a file holds them."""
    return "".join(f"{spec}\n" for spec in specs)


def columns_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """The columns of a table by the names in its header."""
    return {name: [row[index] for row in rows] for index, name in enumerate(header)}
