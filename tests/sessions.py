"""Command-line sessions kept as screens: each typed line with rnncli's complete output."""

from __future__ import annotations

import re
import shlex

from conftest import SCREENS, Run, Screen


def replay(name: str, rnncli: Run, screen: Screen) -> None:
    """Run each line that follows a $ in a screen again, and compare the whole session.

    To add a case, add a line `$ rnncli …` or `$ printf '…' | rnncli …` to the file and let `pytest --rewrite-screens`
    fill in the output; comments above the line are kept. Lines after `2> ` are from standard error.
    """
    text = (SCREENS / f"{name}.txt").read_text(encoding="utf-8")
    typed = re.findall(r"^((?:# .*\n)*)\$ ((?:printf '(.*)' \| )?rnncli(.*))$", text, re.MULTILINE)
    assert typed, f"{name} contains no command"
    said = []
    for comment, line, lines, arguments in typed:
        status, stdout, stderr = rnncli(*shlex.split(arguments), stdin=lines.replace(r"\n", "\n"))
        errors = "".join(f"2> {each}\n" for each in stderr.splitlines())
        said.append(f"{comment}$ {line}\n{stdout}{errors}The exit status is {status}.\n")
    screen(name, "\n".join(said))
