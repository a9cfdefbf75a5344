"""Colours read on dark and on light backgrounds, whatever a terminal has of them: millions, 256, 16 or none."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from command_lines import MODEL
from conftest import PATIENCE, Result, without_styles
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style

from rnncli.cli import COMMANDS
from rnncli.engine.effect import Reach
from rnncli.engine.study import Study
from rnncli.engine.traces import Outputs
from rnncli.render.plots import print_study
from rnncli.render.scale import nearest_style, signed_styles

Run = Callable[..., Result]

BLACK, WHITE = ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255)

SIXTEEN = {
    "xterm": {91: (255, 0, 0), 94: (92, 92, 255)},
    "VGA, and the console of Linux": {91: (255, 85, 85), 94: (85, 85, 255)},
    "Windows": {91: (231, 72, 86), 94: (59, 120, 255)},
}
"""What bright red and bright blue are in the palettes of terminals."""

LINES = {
    "summary": ["embed:10x4,lstm:3:seq:bi,dense:1", "--wide"],
    "forward": ["input:32,rnn:64:seq", "--timesteps", "40", "--init", "uniform"],
    "explain": ["input:8,norm,gru:4:bi"],
    "draw": ["input:8,lstm:4:bi:seq,gru:2"],
    "compare": ["input:8,rnn:4", "input:8,lstm:4"],
    "reach": ["input:8,rnn:4", "input:8,lstm:4"],
    "sweep": ["input:8,{rnn,lstm}:4"],
    "solve": ["input:8,lstm:_", "--params", "1M"],
    "export": ["input:8,lstm:4", "--to", "keras"],
    "inspect": [MODEL],
    "spec": ["input:8,lstm:4"],
    "layers": ["lstm"],
    "completion": ["bash"],
    "help": ["summary"],
}
"""A command line of every command."""

TERMINALS = {
    "16 colours": {"TERM": "xterm"},
    "256 colours": {"TERM": "xterm-256color"},
    "all colours": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
}


def luminance(colour: ColorTriplet) -> float:
    """WCAG 2's relative luminance, 0 for black and 1 for white."""
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """WCAG 2's contrast, from 1 to 21; 3 is what it asks for of large text and of pictures."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def console(system: str | None, **options: object) -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=True, color_system=system, **options)  # type: ignore[arg-type]


def scale(system: str) -> list[Style]:
    return [Style.parse(style) for style in signed_styles(console(system))]


def triplet(colour: Color | None) -> ColorTriplet:
    assert colour is not None
    return colour.get_truecolor()


def ramp(values: int = 41) -> Study:
    """A study whose one unit goes from -1 through zero to 1."""
    steps = tuple(range(values))
    activations = tuple(2 * step / (values - 1) - 1 for step in steps)
    outputs = Outputs(
        units=1,
        unit_bins=(0,),
        time_bins=steps,
        activations=(activations,),
        norm=tuple(map(abs, activations)),
        norm_mean=0.5,
        norm_min=0.0,
        norm_max=1.0,
        saturated=(0.0,) * values,
        saturated_units=0,
        limits=(-0.97, 0.97),
    )
    return Study("gru", 1, values, False, outputs, Reach("no effect", values))


def print_row_of_the_map(system: str, no_color: str) -> None:
    shown = console(None if system == "none" else system, no_color=no_color == "no color")
    print_study(shown, ramp())
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    print(next(line for line in text.splitlines() if without_styles(line).startswith("    unit 0")))


def row_of_the_map(system: str, no_color: str = "") -> str:
    """The map of a ramp, made by a process of its own: Rich keeps a style as it was first shown."""
    program = "import sys, test_colour; test_colour.print_row_of_the_map(*sys.argv[1:])"
    line = [sys.executable, "-c", program, system, no_color]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent), *sys.path)), "PYTHONUTF8": "1"}
    done = subprocess.run(line, capture_output=True, env=env, encoding="utf-8", timeout=PATIENCE, check=True)
    return done.stdout.removesuffix("\n")


def cells(row: str) -> Iterator[tuple[str, str]]:
    """Each character of a row with the codes of its style."""
    codes = ""
    for style, character in re.findall(r"\x1b\[([\d;]*)m|(.)", row):
        if character:
            yield character, codes
        else:
            codes = "" if style in ("", "0") else style


# The scale


@pytest.mark.parametrize("system", ["truecolor", "256"])
def test_the_scale_darkens_from_zero_to_either_side(system: str) -> None:
    papers = [luminance(triplet(style.bgcolor)) for style in scale(system)]
    half = len(papers) // 2
    assert papers[: half + 1] == sorted(papers[: half + 1])
    assert papers[half:] == sorted(papers[half:], reverse=True)
    assert papers[half] == max(papers)


def test_256_colours_show_the_scale_as_it_is_and_no_two_values_change_places() -> None:
    papers = [style.bgcolor for style in scale("256")]
    downgraded = [colour.downgrade(ColorSystem.EIGHT_BIT) for colour in papers if colour]
    assert len({colour.number for colour in downgraded}) == len(papers)
    assert [triplet(colour) for colour in downgraded] == [triplet(colour) for colour in papers]


@pytest.mark.parametrize("system", ["truecolor", "256"])
def test_a_character_can_be_read_on_its_cell(system: str) -> None:
    for style in scale(system):
        ink, paper = (colour.downgrade(ColorSystem.EIGHT_BIT) for colour in (style.color, style.bgcolor) if colour)
        assert contrast(triplet(ink), triplet(paper)) >= 3


@pytest.mark.parametrize("system", ["truecolor", "256", "standard", "windows"])
def test_zero_is_in_the_middle_and_opposite_values_are_at_opposite_places(system: str) -> None:
    styles = signed_styles(console(system))
    places = [styles.index(nearest_style(styles, share / 100)) for share in range(-100, 101)]
    assert places == sorted(places)
    assert nearest_style(styles, 0) == styles[len(styles) // 2]
    assert (nearest_style(styles, -9), nearest_style(styles, 9)) == (styles[0], styles[-1])


# The map


def test_in_256_colours_a_rising_value_never_goes_back_on_the_scale() -> None:
    papers = [codes.partition("48;5;")[2] for character, codes in cells(row_of_the_map("256"))][11:]
    runs = [first for first, second in pairwise([*papers, None]) if first != second]
    assert len(runs) == len(set(runs)) == len(scale("256"))


def test_in_16_colours_the_sign_is_the_colour_of_the_character() -> None:
    row = list(cells(row_of_the_map("standard")))[11:]
    assert {codes for _, codes in row} == {"91", "94", ""}
    assert all(codes == {"≡": "94", "=": "94", "-": "94", "·": ""}.get(character, "91") for character, codes in row)
    assert {character for character, _ in row} == set("≡=-·+*#")


@pytest.mark.parametrize("palette", SIXTEEN)
def test_the_two_colours_of_signs_stand_out_from_black_and_from_white(palette: str) -> None:
    for colour in SIXTEEN[palette].values():
        for background in (BLACK, WHITE):
            assert contrast(ColorTriplet(*colour), background) >= 3


def test_without_colour_there_are_characters_alone() -> None:
    plain = row_of_the_map("none")
    assert row_of_the_map("256", "no color") == plain == without_styles(row_of_the_map("truecolor"))
    assert "\x1b" not in plain


# Everything else


def test_every_command_is_looked_at() -> None:
    assert {*LINES} == {*COMMANDS}


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("command", LINES)
def test_text_is_in_the_terminals_own_colour(
    command: str, terminal: str, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (TERMINALS[terminal] | {"FORCE_COLOR": "1"}).items():
        monkeypatch.setenv(name, value)
    result = rnncli(command, *LINES[command])
    assert result.status == 0
    codes = {code for codes in re.findall(r"\x1b\[([\d;]*)m", result.stdout) for code in codes.split(";")}
    bold, dim, end = "1", "2", "0"
    assert codes <= {bold, dim, end}
    assert codes or command in ("sweep", "solve", "export", "spec", "layers", "completion", "help")
