"""Real questions, and the words that rnncli's answer must contain, as listed in `questions.txt`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from conftest import MODELS, Run, Walk

HERE = Path(__file__).parent
BLOCK = re.compile(r"(?P<asked>\S.*)\n  \$ rnncli (?P<command>.+)\n  (?P<status>\d): (?P<words>.+)(\n  # .+)*\n*")


def test_real_questions_are_answered(at: Walk, rnncli: Run) -> None:
    blocks = (HERE / "questions.txt").read_text(encoding="utf-8").split("\n\n")
    questions = [block for block in blocks if not block.startswith("#")]
    assert len({block.partition("\n")[0] for block in questions}) == len(questions) >= 130, "a question occurs twice"
    for block in questions:
        with at(block.partition("\n")[0]):
            question = BLOCK.fullmatch(block)
            assert question, f"no question, command and answer: {block!r}"
            line = shlex.split(question["command"])
            result = rnncli(*(word.replace("MODELS", str(MODELS)) for word in line))
            said = " ".join(f"{result.stdout}\n{result.stderr}".split())
            missing = [words for words in question["words"].split(" | ") if words not in said]
            assert missing == [], f"not in the answer: {missing}; there is: {said}"
            assert result.status == int(question["status"]), said
