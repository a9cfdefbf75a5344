"""Sessions at the command line that are kept as screens: what was typed, and all that rnncli said to it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from conftest import SCREENS, Result


def replay(name: str, rnncli: Callable[..., Result], screen: Callable[[str, str], None]) -> None:
    """Type each line that stands behind a $ in a screen once more, and compare all of it.

    A new case is a line `$ rnncli …` or `$ printf '…' | rnncli …` in the file, which `pytest --rewrite-screens`
    answers; comments above it stay. What is behind `2> ` comes from standard error.
    """
    text = (SCREENS / f"{name}.txt").read_text(encoding="utf-8")
    typed = re.findall(r"^((?:# .*\n)*)\$ ((?:printf '(.*)' \| )?rnncli(.*))$", text, re.MULTILINE)
    assert typed, f"nothing is typed in {name}"
    said = []
    for comment, line, lines, arguments in typed:
        status, stdout, stderr = rnncli(*shlex.split(arguments), stdin=lines.replace(r"\n", "\n"))
        errors = "".join(f"2> {each}\n" for each in stderr.splitlines())
        said.append(f"{comment}$ {line}\n{stdout}{errors}The exit status is {status}.\n")
    screen(name, "\n".join(said))
