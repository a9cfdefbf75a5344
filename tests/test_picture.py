"""Pictures from --svg: as wide as their content, complete, for dark or light pages."""

from __future__ import annotations

import os
import re
from itertools import product
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from command_lines import MODEL, OPTIONS
from conftest import Run, Walk

from rnncli.render.terminal import MOST_LINES

SPEC = "input:8,lstm:16:seq:bi,gru:12,dense:1:sigmoid"
LINES = {
    "summary": [SPEC, "--wide", "--timesteps", "100"],
    "forward": ["input:8,gru:12", "--plot", "--timesteps", "40"],
    "explain": [SPEC],
    "draw": [SPEC],
    "compare": [SPEC, "embed:10x4,gru:8:seq,rnn:3"],
    "reach": [SPEC, "--timesteps", "90"],
    "inspect": [MODEL],
    "sweep": ["embed:10000x{16,32},{rnn,gru,lstm}:{32..128..32}"],
}
"""Commands that draw for people; their output is the same each time, except for the times of a run."""


WIDTH, HEIGHT, BASELINE, MARGIN = 8.4, 18, 13, 16
"""Of a character and a line, in pixels; the baseline below the top of a line; the margin around the picture."""

TIPS, BARS = "►◄▲", "▁▂▃▄▅▆▇█"
LINES_DRAWN = "─│┌┐└┘├┤┬┴┼━┃┏┓┗┛┳┡┩╇"
BLANK = str.maketrans(dict.fromkeys(f"{TIPS}{BARS}{LINES_DRAWN}", " "))
"""Characters that are drawn rather than set as text."""


class Text(NamedTuple):
    x: float
    y: float
    width: float
    text: str


class Drawn(NamedTuple):
    """A parsed picture."""

    width: float
    height: float
    ground: str
    ink: str
    title: str
    description: str
    texts: list[Text]
    paths: list[str]
    bars: float

    @property
    def lines(self) -> list[str]:
        """The text in it, line by line."""
        rows: dict[int, str] = {}
        for text in self.texts:
            line = round((text.y - BASELINE) / HEIGHT)
            rows[line] = rows.get(line, "").ljust(round(text.x / WIDTH)) + text.text
        return [rows.get(line, "").rstrip() for line in range(round((self.height - 2 * MARGIN) / HEIGHT))]


def drawn(file: str = "p.svg") -> Drawn:
    root = ElementTree.fromstring(Path(file).read_text(encoding="utf-8"))
    svg = "{http://www.w3.org/2000/svg}"
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert root.attrib["aria-labelledby"] == " ".join(
        next(root.iter(svg + tag)).attrib["id"] for tag in ("title", "desc")
    )
    ground, *rects = root.iter(f"{svg}rect")
    texts = [
        Text(*(float(text.attrib[key]) for key in ("x", "y", "textLength")), text.text or "")
        for text in root.iter(f"{svg}text")
    ]
    return Drawn(
        width,
        height,
        ground.attrib["fill"],
        next(root.iter(f"{svg}g")).attrib["fill"],
        *(next(root.iter(svg + tag)).text or "" for tag in ("title", "desc")),
        texts,
        [path.attrib["d"] for path in root.iter(f"{svg}path")],
        sum(float(rect.attrib["width"]) for rect in rects),
    )


def brightness(colour: str) -> float:
    return sum(int(colour[place : place + 2], 16) for place in (1, 3, 5)) / 3


def test_a_picture_shows_the_screens_content_in_either_theme_and_is_as_wide_as_that(rnncli: Run, at: Walk) -> None:
    for option in ("--svg", "--theme"):
        assert {*LINES} == {name for name, each in OPTIONS if option in each.opts}
    for command, theme in product(LINES, ("dark", "light")):
        with at(command, theme):
            result = rnncli(command, *LINES[command], "--svg", "p.svg", "--theme", theme)
            assert result.status == 0, result.stderr
            picture = drawn()
            lines = [line.rstrip() for line in result.stdout.splitlines()]
            assert len(picture.lines) == len(lines)
            for drawn_line, line in zip(picture.lines, lines, strict=True):
                if command != "forward" or not re.match("  +(unit )?\\d+ |  +≡", line):  # a map's cells have no text
                    assert drawn_line == line.translate(BLANK).rstrip()
            assert picture.title == f"rnncli {command}"
            assert picture.description.split("; ")[0].split(", ")[0] == re.split("  +", lines[0].strip())[0]
            assert picture.width == pytest.approx(max(map(len, lines)) * WIDTH + 2 * MARGIN)
            assert picture.height == len(lines) * HEIGHT + 2 * MARGIN
            for text in picture.texts:
                assert text.width == pytest.approx(len(text.text) * WIDTH)
                assert "  " not in text.text
            if theme == "light":
                assert (picture.ground, brightness(picture.ink)) == ("#ffffff", 0)
            else:
                assert brightness(picture.ground) < 60
                assert brightness(picture.ink) > 180


def test_boxes_arrows_and_bars_are_drawn_rather_than_text(rnncli: Run, at: Walk) -> None:
    for command in ("draw", "forward", "reach", "summary"):
        with at(command):
            shown = rnncli(command, *LINES[command], "--svg", "p.svg").stdout
            picture = drawn()
            tips = [path for path in picture.paths if path.endswith("z")]
            assert len(tips) == sum(map(shown.count, TIPS))
            if command != "forward":  # its map's cells are rectangles too
                assert picture.bars == pytest.approx(sum(map(shown.count, BARS)) * WIDTH)
            # A line of several characters is one stroke, from the edge or middle of the first to that of the last.
            strokes = "".join(path for path in picture.paths if not path.endswith("z"))
            drawn_across = sum(
                float(end) - float(start) for start, end in re.findall(r"M([\d.]+) [\d.]+H([\d.]+)", strokes)
            )
            halves = sum(map(shown.count, "┌└├┐┘┤┏┡┓┩►◄")) + 2 * sum(map(shown.count, "─━┬┴┼┳╇"))
            assert drawn_across == pytest.approx(halves * WIDTH / 2)


def test_a_picture_fetches_and_cuts_nothing_and_is_dark_and_coloured_by_default(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = []
    for options in (["--theme", "dark"], []):
        assert rnncli("draw", SPEC, "--svg", "p.svg", *options).status == 0
        pictures.append(Path("p.svg").read_text(encoding="utf-8"))
        monkeypatch.setenv("NO_COLOR", "1")  # applies to terminals
    assert pictures[0] == pictures[1]
    assert "url(" not in pictures[0]
    assert "clip" not in pictures[0]


def test_a_picture_of_a_terminal_matches_it(terminal: Run) -> None:
    result = terminal("summary", SPEC, "--wide", "--svg", "p.svg", columns=60, NO_COLOR="1", TERM="dumb")
    *shown, written = result.stdout.splitlines()
    assert drawn().lines == [line.translate(BLANK).rstrip() for line in shown]
    assert written.startswith("wrote p.svg, ")
    assert max(map(len, drawn().lines)) <= 60


def test_a_long_text_is_wrapped_even_without_a_terminal(rnncli: Run) -> None:
    assert rnncli("summary", "input:8," + "lstm:8:seq,lstm:9:seq," * 10 + "rnn:3", "--svg", "p.svg").status == 0
    assert max(map(len, drawn().lines)) <= 100


def test_the_picture_of_a_sweep_has_the_first_lines_and_the_total_number(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_LINES == 1000
    for module in ("render.svg", "commands.sweep"):
        monkeypatch.setattr(f"rnncli.{module}.MOST_LINES", 20)
    result = rnncli("sweep", "input:8,rnn:{1..1100}", "--svg", "p.svg")
    lines = drawn().lines
    assert lines[:20] == [line.rstrip() for line in result.stdout.splitlines()][:20]
    assert lines[20:] == ["… and 1,081 more lines"]
    assert "Note: p.svg shows only the first 20 lines" in result.stderr
    short = rnncli("sweep", "input:8,rnn:{1..1100}", "--top", "19", "--svg", "p.svg")
    assert len(drawn().lines) == 20  # the titles take a line
    assert "Note" not in short.stderr


def test_a_name_may_be_in_capitals_or_without_an_extension(rnncli: Run) -> None:
    for name in ("X.SVG", "x"):
        assert rnncli("draw", SPEC, "--svg", name).status == 0
        assert drawn(name).lines


def test_a_picture_may_go_to_a_stream(rnncli: Run) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as picture:
        result = rnncli("draw", "input:2", "--svg", f"/dev/fd/{writing}")
        os.close(writing)
        assert (result.status, picture.read(4)) == (0, b"<svg")
