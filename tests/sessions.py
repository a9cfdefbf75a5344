"""Screens that hold their own input: command-line sessions, and cases made by lines of code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

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


def made_cases(name: str, scope: dict[str, Any]) -> dict[str, Any]:
    """The cases of a screen: each head, a title above its code, and what the code makes with the names in a scope.

    To add a case, add a title, its code after `>>> ` and `... `, and let `pytest --rewrite-screens` fill in the rest.
    """
    text = (SCREENS / f"{name}.txt").read_text(encoding="utf-8")
    heads = re.findall(r"^.+\n>>> .*(?:\n\.\.\. .*)*", text, re.MULTILINE)
    assert heads, f"{name} contains no case"
    return {head: eval(" ".join(line[4:] for line in head.splitlines()[1:]), scope) for head in heads}


def blocks(name: str, answer: Callable[[str], str], screen: Screen) -> list[str]:
    """Answer the first line of each block of a screen again, compare the whole screen, and return its blocks.

    To add a case, add its first line, with an empty line before it. A block that starts with # is a comment.
    """
    text = (SCREENS / f"{name}.txt").read_text(encoding="utf-8").strip()
    firsts = (block if block.startswith("#") else block.partition("\n")[0] for block in text.split("\n\n"))
    shown = [first if first.startswith("#") else f"{first}\n{answer(first)}".rstrip("\n") for first in firsts]
    screen(name, "\n\n".join(shown) + "\n")
    return shown


def answered(name: str, answer: Callable[[str], str], screen: Screen) -> None:
    """Answer the text of each line `TEXT => ANSWER` of a screen again, and compare the whole screen."""
    parts = [line.partition(" =>") for line in (SCREENS / f"{name}.txt").read_text(encoding="utf-8").splitlines()]
    lines = (f"{text}{arrow} {answer(text)}".rstrip() if arrow else text for text, arrow, _ in parts)
    screen(name, "".join(f"{line}\n" for line in lines))
