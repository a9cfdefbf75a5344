"""Pictures, which --svg saves: as wide as what they show, whole, for a dark page or for a light one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from command_lines import MODEL
from conftest import Result

from rnncli.cli import COMMANDS, cli
from rnncli.render.picture import MOST_LINES, THEMES

Run = Callable[..., Result]

SPEC = "input:8,lstm:16:seq:bi,gru:12,dense:1:sigmoid"
LINES = {
    "summary": [SPEC, "--wide", "--timesteps", "100"],
    "explain": [SPEC],
    "draw": [SPEC],
    "compare": [SPEC, "embed:10x4,gru:8:seq,rnn:3"],
    "reach": [SPEC, "--timesteps", "90"],
    "inspect": [MODEL],
    "sweep": ["embed:10000x{16,32},{rnn,gru,lstm}:{32..128..32}"],
}
"""Commands that draw for people; what they show is the same each time."""

TIMED = ["input:8,gru:12", "--plot", "--timesteps", "40"]
"""What forward is given. Its times are others each time, but those of a picture are those that were shown."""

ALL = LINES | {"forward": TIMED}


class Text(NamedTuple):
    x: float
    y: float
    width: float
    text: str
    style: str


class Drawn(NamedTuple):
    """A picture, read again."""

    width: float
    height: float
    ground: str
    texts: list[Text]
    styles: dict[str, str]

    @property
    def lines(self) -> list[str]:
        """What it shows, line by line."""
        rows: dict[float, list[str]] = {}
        for text in self.texts:
            rows.setdefault(text.y, []).append(
                " " * (self.column(text.x) - sum(map(len, rows.get(text.y, [])))) + text.text
            )
        last = round((max(rows) - 20) / 24.4)
        places = {round((y - 20) / 24.4): "".join(parts).rstrip() for y, parts in rows.items()}
        return [places.get(line, "") for line in range(last + 1)]

    def column(self, x: float) -> int:
        widths = {round(text.width / len(text.text), 3) for text in self.texts}
        (cell,) = widths
        return round(x / cell)


def drawn(file: str = "p.svg") -> Drawn:
    root = ElementTree.fromstring(Path(file).read_text(encoding="utf-8"))
    svg = "{http://www.w3.org/2000/svg}"
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    ground = next(rect.attrib["fill"] for rect in root.iter(f"{svg}rect"))
    texts = [
        Text(
            *(float(text.attrib[key]) for key in ("x", "y", "textLength")), content, text.attrib["class"].split("-")[-1]
        )
        for text in root.iter(f"{svg}text")
        if "textLength" in text.attrib and (content := (text.text or "").replace("\xa0", " ").rstrip("\n"))
    ]
    style = next(root.iter(f"{svg}style")).text or ""
    return Drawn(width, height, ground, texts, dict(re.findall(r"-(r\d+) \{ (.*?) \}", style)))


def brightness(colour: str) -> float:
    return sum(int(colour[place : place + 2], 16) for place in (1, 3, 5)) / 3


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_command_that_has_pictures_is_looked_at() -> None:
    commands = {name: cli.commands.get(name) or cli.get_command(None, name) for name in COMMANDS}  # type: ignore[arg-type]
    for option in ("--svg", "--theme"):
        assert {*ALL} == {
            name
            for name, command in commands.items()
            if command and any(option in each.opts for each in command.params)
        }


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize("theme", THEMES)
def test_a_picture_shows_what_was_shown_and_is_as_wide_as_that(command: str, theme: str, rnncli: Run) -> None:
    result = rnncli(command, *ALL[command], "--svg", "p.svg", "--theme", theme)
    assert result.status == 0, result.stderr
    picture = drawn()
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert picture.lines == lines
    cell = picture.texts[0].width / len(picture.texts[0].text)
    assert picture.width == pytest.approx(max(map(len, lines)) * cell, abs=30)
    assert picture.height == pytest.approx(len(lines) * 24.4, abs=60)
    for text in picture.texts:
        assert text.x + text.width <= picture.width - 16


def test_a_picture_is_never_too_narrow_for_its_title(rnncli: Run) -> None:
    assert rnncli("draw", "input:2", "--timesteps", "1", "--svg", "p.svg").status == 0
    assert max(map(len, drawn().lines)) < 35
    assert drawn().width > 500


@pytest.mark.parametrize("command", ALL)
def test_the_light_theme_is_dark_text_on_white_and_the_dark_one_is_what_is_taken(command: str, rnncli: Run) -> None:
    for options in ([], ["--theme", "dark"], ["--theme", "light"]):
        assert rnncli(command, *ALL[command], "--svg", "p.svg", *options).status == 0
        picture = drawn()
        inks = [re.search("fill: (#......)", css)[1] for css in picture.styles.values()]  # type: ignore[index]
        grounds = (picture.ground, brightness(picture.ground))
        if "light" in options:
            assert grounds == ("#ffffff", 255)
            assert brightness(inks[0]) == 0
        else:
            assert grounds[1] < 60
            assert brightness(inks[0]) > 180


def test_a_picture_fetches_nothing_and_cuts_nothing(rnncli: Run) -> None:
    assert rnncli("draw", SPEC, "--svg", "p.svg").status == 0
    text = Path("p.svg").read_text(encoding="utf-8")
    assert "url(" not in text
    assert "clip" not in text


def test_no_colour_on_the_terminal_takes_none_from_the_picture(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = []
    for value in ("", "1"):
        monkeypatch.setenv("NO_COLOR", value)
        assert rnncli("draw", SPEC, "--svg", "p.svg").status == 0
        pictures.append(Path("p.svg").read_bytes())
    assert pictures[0] == pictures[1]


def test_a_picture_of_a_terminal_is_as_that_shows_it(terminal: Run) -> None:
    result = terminal("summary", SPEC, "--wide", "--svg", "p.svg", columns=60, NO_COLOR="1", TERM="dumb")
    *shown, written = result.stdout.splitlines()
    assert drawn().lines == [line.rstrip() for line in shown]
    assert written.startswith("wrote p.svg, ")
    assert max(map(len, drawn().lines)) <= 60


def test_a_long_text_is_wrapped_where_no_terminal_says_how_wide_it_may_be(rnncli: Run) -> None:
    assert rnncli("summary", "input:8," + "lstm:8:seq,lstm:9:seq," * 20 + "rnn:3", "--svg", "p.svg").status == 0
    assert max(map(len, drawn().lines)) <= 100


def test_the_picture_of_a_sweep_has_the_first_thousand_lines_and_says_how_many_there_are(rnncli: Run) -> None:
    result = rnncli("sweep", "input:8,rnn:{1..1500}", "--svg", "p.svg")
    assert result.status == 0
    lines = drawn().lines
    assert lines[:MOST_LINES] == [line.rstrip() for line in result.stdout.splitlines()][:MOST_LINES]
    assert lines[MOST_LINES:] == ["… and 501 more lines"]
    assert f"Note: p.svg shows the first {MOST_LINES:,} lines alone" in result.stderr
    short = rnncli("sweep", "input:8,rnn:{1..1500}", "--top", "5", "--svg", "p.svg")
    assert len(drawn().lines) == 6
    assert "Note" not in short.stderr


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize("name", ["x.png", "x.PDF", "folder.svg/x.html"])
def test_another_format_is_refused_with_a_name_that_works(command: str, name: str, rnncli: Run) -> None:
    result = rnncli(command, *ALL[command], "--svg", name)
    assert (result.status, result.stdout) == (2, "")
    stem = str(Path(name).with_suffix(""))
    assert f"a picture is SVG, which '{name}' is no name for" in result.stderr
    assert f" --svg {stem}.svg" in result.stderr.splitlines()[-1]
    assert not Path(name).exists()


@pytest.mark.parametrize("name", ["x.svg", "X.SVG", "x"])
def test_a_name_may_be_in_capitals_or_without_an_extension(name: str, rnncli: Run) -> None:
    assert rnncli("draw", SPEC, "--svg", name).status == 0
    assert drawn(name).lines


def test_a_picture_may_go_to_standard_error(program: Run) -> None:
    result = program("summary", SPEC, "--svg", "/dev/stderr")
    assert (result.status, result.stderr[:4]) == (0, "<svg")


@pytest.mark.parametrize("command", ALL)
def test_a_theme_without_a_picture_is_an_error(command: str, rnncli: Run) -> None:
    result = rnncli(command, *ALL[command], "--theme", "light")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: --theme is for the picture that --svg saves, and there is no --svg\n")
    assert "theme" not in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", ["summary", "explain", "compare", "sweep"])
def test_a_format_for_programs_has_no_picture(command: str, rnncli: Run) -> None:
    result = rnncli(command, *ALL[command], "-f", "json", "--svg", "p.svg", "--theme", "light")
    assert (result.status, result.stdout) == (2, "")
    repair = result.stderr.splitlines()[-1]
    assert "--svg" not in repair
    assert "--theme" not in repair
