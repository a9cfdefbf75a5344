"""How the tests run rnncli: in this process, as a program, on a terminal; and the screens that are kept as files.

What is right comes from elsewhere:

- Keras, and PyTorch under `--framework torch`: `tests/golden` holds what the real frameworks said and computed, and the
  tests that read it need neither. `make golden` asks them anew; `make judge` compares thousands of random networks.
- Plain formulas, as a textbook has them: `tests/reference.py`. What the tests know of a kind of layer stands in a file
  of its own in `tests/kinds`, written by hand and not read from the declarations.
- People: `tests/screens` and `README.md` are what they see. `pytest --rewrite-screens` writes both anew, to be reviewed
  by eye.

`make bench` measures, always as ratios in one run: `tests/benchmarks`. `make test-oldest` runs the tests twice more: on
the oldest Python, click, numpy and rich that `pyproject.toml` allows, and on the newest Python that this machine has.
`pytest --shuffle SEED` runs them in another order. `make fuzz` damages specs, patterns, templates, command lines and
files: each must give an error of the project's own or a right answer, soon and within a gigabyte; it prints its seed,
and what makes any of its cases again.
"""

from __future__ import annotations

import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from rnncli.cli import run

collect_ignore = ["golden", "benchmarks", "fuzz"]
"""What needs the frameworks or is a program of its own; pytest would look for examples in it."""

SCREENS = Path(__file__).parent / "screens"
HEARD = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM", "RNNCLI_SPEC", "PYTHONIOENCODING")
"""What the environment can say to rnncli; a test says it anew."""
PATIENCE = 60
"""Seconds until a program that hangs is given up."""

settings.register_profile("rnncli", deadline=None)
settings.register_profile("read-only", deadline=None, database=None)  # examples that failed are kept in the source tree
settings.load_profile("rnncli" if os.access(Path(__file__).parent.parent, os.W_OK) else "read-only")


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
    parser.addoption("--rewrite-screens", action="store_true", help="write tests/screens and README.md anew")
    parser.addoption("--shuffle", metavar="SEED", help="run the tests in another order, the same for the same SEED")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if seed := config.getoption("--shuffle"):
        random.Random(seed).shuffle(items)


@pytest.fixture(autouse=True)
def _a_quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
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
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started deaf to it
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
