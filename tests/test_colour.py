"""Colours are readable on dark and light backgrounds, on terminals with millions of colours, 256, 16 or none."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from itertools import pairwise, product

import pytest
from command_lines import COMMAND_LINES
from conftest import HEARD, Run, Screen, Walk, with_visible_styles, without_styles
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style

from rnncli.engine.study import Outputs, Study
from rnncli.render.blocks import print_page, stdout_console
from rnncli.render.over_time import nearest, signed_styles, study_page
from rnncli.reports.reach import LayerReach

BLACK, WHITE = ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255)

TERMINALS = ({"TERM": "xterm"}, {"TERM": "xterm-256color"}, {"TERM": "xterm-256color", "COLORTERM": "truecolor"})
"""Terminals with 16 colours, 256, and all."""

UNSTYLED = ("sweep", "solve", "export", "page", "spec", "completion")
"""Commands that print plain text."""


def luminance(colour: ColorTriplet) -> float:
    """WCAG 2's relative luminance, 0 for black and 1 for white."""
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """WCAG 2's contrast ratio, from 1 to 21; it requires 3 for large text and graphics."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def console(system: str | None, **options: object) -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=True, color_system=system, **options)  # type: ignore[arg-type]


def scale(system: str, light: bool = False) -> list[Style]:
    shown = console(system)
    shown.is_light = light  # type: ignore[attr-defined]
    return [Style.parse(style) for style in signed_styles(shown)]


def triplet(colour: Color | None) -> ColorTriplet:
    assert colour is not None
    return colour.get_truecolor()


def ramp(values: int = 41) -> Study:
    """A study whose only unit rises from -1 through zero to 1."""
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
    return Study("gru", 1, values, False, outputs, LayerReach("no effect", values))


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set the terminal; Rich caches a style as first rendered, so clear that cache."""

    def say(**environment: str) -> None:
        Style.parse.cache_clear()
        Style._add.cache_clear()
        for name in HEARD:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    yield say
    say()


def row_of_the_map(on: Callable[..., None], system: str | None, **options: object) -> str:
    """The first row of a ramp's map."""
    on()
    shown = console(system, **options)
    print_page(shown, study_page(ramp()))
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    return next(line for line in text.splitlines() if without_styles(line).startswith("    unit 0"))


def cells(row: str) -> Iterator[tuple[str, str]]:
    """Each character of a row with its style codes."""
    codes = ""
    for style, character in re.findall(r"\x1b\[([\d;]*)m|(.)", row):
        if character:
            yield character, codes
        else:
            codes = "" if style in ("", "0") else style


# The scale


def test_the_scale_starts_near_the_background_at_zero_and_departs_from_it_on_either_side(at: Walk) -> None:
    for system, light in product(("truecolor", "256"), (False, True)):
        with at(system, "light" if light else "dark"):
            papers = [luminance(triplet(style.bgcolor)) for style in scale(system, light)]
            half = len(papers) // 2
            assert papers[half:] == sorted(papers[half:], reverse=light)
            assert papers[half::-1] == sorted(papers[half::-1], reverse=light)
            assert len(set(papers)) == len(papers)
            assert contrast(triplet(scale(system, light)[half].bgcolor), WHITE if light else BLACK) < 1.2
            for style in scale(system, light):
                paper = style.bgcolor
                assert paper is not None
                assert triplet(paper.downgrade(ColorSystem.EIGHT_BIT)) == triplet(paper)  # 256 colours show it as it is
                assert style.color is None


def test_a_terminal_that_reports_a_light_background_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, light in (("", False), ("15;0", False), ("0;15", True), ("0;default;7", True)):
        monkeypatch.setenv("COLORFGBG", said)
        assert stdout_console().is_light == light


def test_zero_is_in_the_middle_and_opposite_values_are_symmetric(at: Walk) -> None:
    for system in ("truecolor", "256", "standard", "windows"):
        with at(system):
            styles = signed_styles(console(system))
            places = [styles.index(nearest(styles, share / 100)) for share in range(-100, 101)]
            assert places == sorted(places)
            assert nearest(styles, 0) == styles[len(styles) // 2]
            assert (nearest(styles, -9), nearest(styles, 9)) == (styles[0], styles[-1])


# The map


def test_in_256_colours_a_rising_value_never_goes_back_on_the_scale(on: Callable[..., None]) -> None:
    papers = [codes.partition("48;5;")[2] for character, codes in cells(row_of_the_map(on, "256"))][11:]
    runs = [first for first, second in pairwise([*papers, None]) if first != second]
    assert len(runs) == len(set(runs)) == len(scale("256"))


def test_in_16_colours_the_sign_is_the_characters_colour(on: Callable[..., None]) -> None:
    row = list(cells(row_of_the_map(on, "standard")))[11:]
    assert {codes for _, codes in row} == {"91", "94", ""}
    assert all(codes == {"≡": "94", "=": "94", "-": "94", "·": ""}.get(character, "91") for character, codes in row)
    assert {character for character, _ in row} == set("≡=-·+*#")


def test_without_colour_a_map_has_only_characters(on: Callable[..., None]) -> None:
    plain = row_of_the_map(on, None)
    assert "\x1b" not in plain
    assert row_of_the_map(on, "256", no_color=True) == plain
    coloured = without_styles(row_of_the_map(on, "truecolor"))
    assert len(coloured) == len(plain)
    assert coloured.strip() == "unit 0"  # colours need no characters


# Everything else


def test_a_screen_in_colour_reads_as_reviewed(on: Callable[..., None], rnncli: Run, screen: Screen) -> None:
    on(FORCE_COLOR="1", TERM="xterm-256color")
    screen("summary-coloured", with_visible_styles(rnncli("summary", "embed:10x4,rnn:3").stdout))
    for name, colours in (("plot-coloured", {"COLORTERM": "truecolor"}), ("plot-16-colours", {})):
        on(FORCE_COLOR="1", TERM="xterm", COLUMNS="80", **colours)
        run = rnncli("forward", "input:3,rnn:3", "--timesteps", "10", "--dtype", "float64", "--plot").stdout
        plot = run[run.index("\n\x1b[1msimple_rnn\x1b[0m over time") :]
        screen(name, with_visible_styles("".join(f"{line.rstrip()}\n" for line in plot.splitlines())))


def test_text_has_the_terminals_own_colour_if_the_environment_or_an_option_says_so(
    on: Callable[..., None], rnncli: Run, at: Walk
) -> None:
    for command, line in COMMAND_LINES.items():
        with at(command):
            on()
            plain = rnncli(*line).stdout
            on(FORCE_COLOR="")
            assert "\x1b" not in plain + rnncli(*line).stdout
            on(FORCE_COLOR="1", TERM="xterm-256color")
            assert "\x1b" not in rnncli(*line, "--color=never").stdout
            coloured = set()
            for options, environment in (
                *(((), {"FORCE_COLOR": "1"} | terminal) for terminal in TERMINALS),
                (("--color", "always"), {"TERM": "xterm-256color"}),
                (("--color", "always"), {"TERM": "xterm-256color", "NO_COLOR": "1"}),
            ):
                on(**environment)
                shown = rnncli(*line, *options).stdout
                codes = {code for codes in re.findall(r"\x1b\[([\d;]*)m", shown) for code in codes.split(";")}
                bold, dim, bright_blue, end = "1", "2", "94", "0"
                assert codes <= {bold, dim, bright_blue, end}
                assert bool(codes) == (command not in UNSTYLED)
                coloured.add(bright_blue in codes)
                assert len(coloured) == 1
                if command not in ("forward", "help"):  # one shows a run time, the other its own command line
                    assert without_styles(shown) == plain


def test_color_applies_to_errors_and_leaves_no_state(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31m" in rnncli("summary", "lsmt:3", "--color", "always").stderr
    assert "\x1b" not in rnncli("summary", "lsmt:3", "--color", "never").stderr
    assert "\x1b" not in rnncli("summary", "lsmt:3").stderr
    assert "Error: " in rnncli("summary", "--color", "sometimes").stderr


def test_no_color_removes_the_colours_of_a_map_on_a_terminal(terminal: Run) -> None:
    shown = terminal("forward", "input:8,gru:16", "--timesteps", "40", "--plot", NO_COLOR="1").stdout
    assert "\x1b[1m" in shown
    assert not re.search(r"\x1b\[[\d;]*[34]\d", shown)
