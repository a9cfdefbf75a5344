"""How the tests run rnncli (in this process, as a program, on a terminal), and the screens kept as files.

The expected results come from outside rnncli:

- Keras, and PyTorch for `--framework torch`: `tests/golden` records the real frameworks' answers, and the tests that
  read it need neither framework. `make golden` regenerates it; `make judge` compares thousands of random networks.
- Textbook formulas: `tests/reference.py`. The tests' knowledge of each kind of layer is in its own file in
  `tests/kinds`, written by hand rather than read from rnncli's declarations.
- People, who see `tests/screens` and `README.md`. `pytest --rewrite-screens` rewrites both, to be reviewed by eye. Many
  screens hold what is tried, too: to add a case, add a line `$ rnncli …`, a text or its code (`tests/sessions.py`).

There are two levels. `make test` is for every commit and takes about a minute: properties get 15 examples, and of
cases that are much alike only `some` are tried. `make test-all` (`pytest --thorough`) tries all examples and cases, and
runs the tests marked `thorough`, which start many processes, fill memory or need the machine's shells. `make check`
runs the tests that a change affects. `pytest --shuffle SEED` runs tests in random order; each file also passes when run
by itself.

To check many commands, widths, formats or words, loop inside one test: `with at(command, width):` collects the
failures, and the test reports all of them at the end, one per line.

`make bench` measures ratios within one run (`tests/benchmarks`). `make test-oldest` repeats the tests on the oldest
Python, click, numpy and rich that `pyproject.toml` allows, and on this machine's newest Python. `make fuzz` damages
specs, patterns, templates, command lines and files; each must give a right answer or an error of rnncli's own, quickly
and within a gigabyte. It prints its seed and how to repeat a case. `make mutants` reports which planted mistakes no
test finds.
"""

from __future__ import annotations

import gc
import io
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import engine

from rnncli import Network
from rnncli.cli import run
from rnncli.layers import Layer

collect_ignore = ["golden", "benchmarks", "fuzz", "kinds"]
"""Files that need the frameworks or are separate programs; pytest would search them for doctests."""

MODELS = Path(__file__).parent / "golden" / "models"
SCREENS = Path(__file__).parent / "screens"
HEARD = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM", "RNNCLI_SPEC", "PYTHONIOENCODING")
"""Environment variables that affect rnncli; each test sets them afresh."""
PATIENCE = 60
"""Seconds until a hanging program is stopped."""

FEW_EXAMPLES = 15
"""The number of examples per property without --thorough."""
T = TypeVar("T")

MEMORY = 6 << 30
"""The address space in bytes that a test and its child processes may use."""


class GivenUp(BaseException):  # an error handler must not catch it
    """Something takes a minute of processor time, which only happens if it grows faster than its input."""


@contextmanager
def patience() -> Iterator[None]:
    """Give up on a block that takes too long. Finer timing is left to the benchmarks."""

    def give_up(number: int, frame: object) -> None:
        raise GivenUp

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def memory_below(most: float) -> Iterator[None]:
    """Fail if the block takes more bytes of memory."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def peak_memory(work: Callable[[], object]) -> int:
    """The most bytes of memory that some work takes."""
    with memory_below(inf):
        work()
        return tracemalloc.get_traced_memory()[1]


class Result(NamedTuple):
    """The result of a command line."""

    status: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> str:
        """What it printed, if it succeeded and said nothing else."""
        assert (self.status, self.stderr) == (0, "")
        return self.stdout

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it printed as JSON, an object a line, if it succeeded."""
        assert self.status == 0, self.stderr
        return [json.loads(line) for line in self.stdout.splitlines()]

    def refusal(self, status: int = 2, *words: str) -> str:
        """What it said, with these words, if it failed with one error and printed nothing."""
        assert (self.status, self.stdout, len(re.findall("^Error: ", self.stderr, re.MULTILINE))) == (status, "", 1)
        assert [each for each in words if each not in self.stderr] == []
        return self.stderr


Run = Callable[..., Result]
"""What runs a command line: the fixtures `rnncli`, `program` and `terminal`."""
Screen = Callable[[str, str], None]
"""The fixture `screen`, called with the name of a file and the text that it should have."""


class Columns(NamedTuple):
    """A terminal width to set."""

    width: int


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="also run slow tests, and try all examples")
    parser.addoption("--rewrite-screens", action="store_true", help="rewrite tests/screens and README.md")
    parser.addoption("--shuffle", metavar="SEED", help="run the tests in a random order determined by SEED")


def pytest_configure(config: pytest.Config) -> None:
    # The tests' own processes share the cores; the programs that they start get as many as a user's.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        import_module("numpy.testing")  # NumPy 2.0 starts a program as it is imported, which a test would count
    config.addinivalue_line("markers", "thorough: slow, and only run with --thorough")
    thorough = config.getoption("--thorough")
    settings.register_profile(
        "rnncli",
        deadline=None,
        max_examples=100 if thorough else FEW_EXAMPLES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],  # depend on the machine and the seed
        # Hypothesis saves failed examples in the source tree, if it is writable.
        **({} if os.access(config.rootpath, os.W_OK) else {"database": None}),
    )
    settings.load_profile("rnncli")
    engine.MAX_SHRINKING_SECONDS = 60 if thorough else 5  # hypothesis has no setting for it; default: 5 minutes
    re._MAXCACHE = 10_000  # type: ignore[attr-defined]  # all commands in one process have more patterns than it keeps
    _hear_signals()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    most = min([MEMORY, *(limit for limit in limits if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))


def _hear_signals() -> None:
    """Let the tests' child processes receive every signal, even in the background or under nohup.

    A program inherits ignored signals but not handlers. These handlers do nothing, so the tests still ignore the
    signals.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def is_thorough() -> bool:
    """Whether the tests run with --thorough."""
    return settings().max_examples > FEW_EXAMPLES


def examples(count: int) -> settings:
    """Set the number of examples of a property: `count` with --thorough, otherwise few."""
    return settings(max_examples=count if is_thorough() else min(count, FEW_EXAMPLES))


def some(cases: Iterable[T], step: int) -> list[T]:
    """Cases that are much alike: all with --thorough, otherwise one in `step`.

    In a product of several things, a step that divides none of their numbers takes turns with each of them.
    """
    return [*cases][:: 1 if is_thorough() else step]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
    if seed := config.getoption("--shuffle"):
        random.Random(seed).shuffle(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the garbage collector skip all that is imported by now, and run less often: it takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Print layers and networks that differ on one line each, not field by field."""
    return [f"{left!r} {op} {right!r}"] if isinstance(left, Layer | Network) else None


for _shown in (Layer, Network):  # otherwise hypothesis prints every field of a dataclass
    _shown._repr_pretty_ = lambda self, printer, cycle: printer.text(repr(self))  # type: ignore[attr-defined]


class Walk:
    """Collects the failures of a loop over commands, widths or words and reports them together, one per line."""

    def __init__(self) -> None:
        self.places = 0
        self.failures: list[tuple[str, BaseException]] = []

    @contextmanager
    def __call__(self, *place: object) -> Iterator[None]:
        """Check one place; a failure in the block fails the test at the end of the walk."""
        self.places += 1
        try:
            yield
        except (Exception, pytest.fail.Exception) as failure:
            self.failures.append((" ".join(map(str, place)), failure))

    def end(self) -> None:
        """Fail if anything failed, or if nothing was checked."""
        assert self.places, "nothing was checked"
        if self.failures:
            lines = [
                f"{place}: {(str(failure).strip() or repr(failure)).splitlines()[0]}"
                for place, failure in self.failures
            ]
            raise AssertionError("\n".join([f"{len(lines)} failed", *lines])) from self.failures[0][1]


@pytest.fixture
def at() -> Walk:
    """A walk that checks every place, even after a failure."""
    return Walk()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    result = yield
    if isinstance(walk := pyfuncitem.funcargs.get("at"), Walk):
        walk.end()
    return result


@pytest.fixture(autouse=True)
def _clean_environment_and_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANGUAGE", "C")  # otherwise Click looks for a translation of each of its messages
    for name in HEARD:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def rnncli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
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


def until(come: Callable[[], object]) -> None:
    """Wait until an effect of another process or thread is visible."""
    end = time.monotonic() + PATIENCE
    while not come():
        assert time.monotonic() < end
        time.sleep(0.005)


def program_line(*arguments: object) -> list[str]:
    """The command line that starts rnncli as a separate program."""
    return [sys.executable, "-m", "rnncli", *map(str, arguments)]


@pytest.fixture
def program() -> Run:
    """Run rnncli as a program; in the `shell` line (sh), "$@" is the program with its arguments."""

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
def terminal() -> Run:
    """Run rnncli on a terminal; its output there is `stdout`, and `stderr` is empty.

    With `stdout_piped`, standard output is a pipe: `stdout` is the pipe's content, and `stderr` what the terminal
    showed. `press` is called with the terminal's text so far, and returns keys to press, a signal to send, or a new
    width for the terminal.
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
            except OSError:  # how Linux reports that nobody holds the other end any more
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
def screen(request: pytest.FixtureRequest) -> Iterator[Screen]:
    """Compare a text with the file of that name in tests/screens, or write the file with --rewrite-screens."""
    rewritten = []

    def compare(name: str, text: str) -> None:
        file = SCREENS / f"{name}.txt"
        if request.config.getoption("--rewrite-screens"):
            file.write_text(text, encoding="utf-8")
            rewritten.append(file.name)
        else:
            assert text == file.read_text(encoding="utf-8"), f"{file} differs from the output"

    yield compare
    if rewritten:
        print(f"rewritten: {', '.join(rewritten)}", file=sys.stderr)


def print_as_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands that run in this process take standard output for a terminal."""
    for module in ("blocks", "terminal"):
        monkeypatch.setattr(f"rnncli.render.{module}.on_terminal", lambda: True)


def without_styles(text: str) -> str:
    """The text as a terminal shows it, without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def with_visible_styles(text: str) -> str:
    """The text with its escape sequences made readable, for a file."""
    return text.replace("\x1b", "␛")


def lines_of(*specs: str) -> str:
    """Specs, one per line, as in a file."""
    return "".join(f"{spec}\n" for spec in specs)
