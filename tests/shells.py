"""The machine's shells, each on its own terminal: how TAB completes a typed line."""

from __future__ import annotations

import os
import select
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

STARTS = {
    "bash": r"""
PS1='ready> '
source <(rnncli completion bash)
show_line() { printf %s "$READLINE_LINE" > line.new; mv line.new line; }
bind -x '"\C-o": show_line'
bind 'set completion-query-items 0'
bind 'set page-completions off'
""",
    "zsh": r"""
PS1='ready> '
autoload -Uz compinit
compinit -u -D
source <(rnncli completion zsh)
show_line() { print -rn -- "$BUFFER" > line.new; mv line.new line }
zle -N show_line
bindkey '^o' show_line
bindkey '^u' kill-whole-line
""",
    "fish": r"""
function fish_prompt; echo 'ready> '; end
function fish_greeting; end
rnncli completion fish | source
function show_line; commandline > line.new; mv line.new line; end
bind \co show_line
""",
}
"""Each shell's startup file; Ctrl-O writes the current line to the file `line`."""

COMMANDS = {
    "bash": ("bash", "--noprofile", "--rcfile", "start", "-i"),
    "zsh": ("zsh", "-d", "-i"),
    "fish": ("fish", "--no-config", "--init-command", "source start", "-i"),
}
KEPT = ("PYTHONPATH", "LANG", "LC_ALL", "LC_CTYPE")
PATIENCE = 60
"""Seconds until an unresponsive shell is given up."""


class Shell:
    """A shell waiting for keys in its own folder, with rnncli on the path."""

    def __init__(self, name: str, folder: Path, start: str | None = None) -> None:
        pty = pytest.importorskip("pty")
        if shutil.which(name) is None:
            pytest.skip(f"this machine has no {name}")
        self.folder = folder
        program = folder / "bin" / "rnncli"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m rnncli "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        (folder / "start").write_text(start or STARTS[name], encoding="utf-8")
        (folder / ".zshrc").symlink_to("start")
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "ZDOTDIR": str(folder),
            "TERM": "xterm",
        }
        self.shown = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(name, COMMANDS[name], environment)
        os.set_inheritable(self.terminal, False)  # otherwise the next shell keeps it open
        self._wait_until(lambda: "ready> " in self.shown)

    def line_after(self, keys: str) -> str:
        """Press keys, return the resulting command line, and clear it."""
        self.press(keys)
        return self.take_line()

    def press(self, keys: str) -> None:
        """Press keys, discarding earlier output."""
        self.shown = ""
        os.write(self.terminal, keys.encode())

    def wait_for(self, *texts: str) -> None:
        """Wait until the terminal has shown all of these texts."""
        self._wait_until(lambda: all(text in self.shown for text in texts))

    def take_line(self) -> str:
        """Return the current command line and clear it."""
        line = self.folder / "line"
        line.unlink(missing_ok=True)
        os.write(self.terminal, b"\x0f")
        self._wait_until(line.exists)
        os.write(self.terminal, b"\x05\x15")
        return line.read_text(encoding="utf-8").removesuffix("\n")

    def close(self) -> None:
        """Hang up."""
        os.close(self.terminal)
        os.waitpid(self.process, 0)

    def _wait_until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, self.shown
            if select.select([self.terminal], [], [], 0.02)[0]:
                self.shown += os.read(self.terminal, 65536).decode(errors="replace")
