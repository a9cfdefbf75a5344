"""The page to share: self-contained, with the commands' output, readable on a phone and with a screen reader."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_lines import MODEL
from conftest import Run, Walk

from rnncli import page
from rnncli.export import TARGETS

SPEC = "embed:1000x8,lstm:6:seq:bi,gru:4,dense:1"
PAGES = {
    "a network": (SPEC, "--timesteps", "20", "--batch", "2"),
    "what PyTorch alone has not": ("input:8,lstm:6:bi=sum", "--timesteps", "20"),
    "no state": ("input:8,dense:4",),
    "no layer": ("input:8",),
    "a file": (MODEL, "--timesteps", "20"),
    "several": ("input:8,lstm:6", "input:8,gru:6", "input:8,rnn:6", "--timesteps", "20"),
}

VOID = ("meta", "br")


class Elements(HTMLParser):
    """The elements of a page; checks that each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.opened == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element with a tag."""
        return [attributes for name, attributes in self.found if name == tag]


def page_of(rnncli: Run, *line: str) -> str:
    result = rnncli("page", *line, "-o", "p.html")
    assert (result.status, result.stdout) == (0, "")
    *notes, wrote = result.stderr.splitlines()
    assert wrote.startswith("wrote p.html, ")
    assert len(notes) == len({*notes})
    return Path("p.html").read_text(encoding="utf-8")


def test_a_page_fetches_nothing_and_works_with_a_screen_reader(rnncli: Run, at: Walk) -> None:
    for what, line in PAGES.items():
        with at(what):
            text = page_of(rnncli, *line)
            page = Elements(text)
            assert not re.search(r"""(src|href)=|url\(|@import|fetch\(|https?://(?!www\.w3\.org/2000/svg")""", text)
            assert not re.search(r"<(\w+)></\1>", text)
            assert len(page.all("h1")) == 1
            assert [tag for tag, _ in page.found if re.fullmatch("h[3-6]", tag)] == []
            assert page.all("html") == [{"lang": "en"}]
            identifiers = [str(said["id"]) for _, said in page.found if "id" in said]
            assert len(identifiers) == len({*identifiers})
            for drawing in page.all("svg"):
                assert drawing["role"] == "img"
                assert {*str(drawing["aria-labelledby"]).split()} <= {*identifiers}
            assert all(heading.get("scope") in ("col", "row") for heading in page.all("th"))


def test_its_sections_are_the_commands_output(rnncli: Run) -> None:
    line = PAGES["a network"]
    text = page_of(rnncli, *line)
    assert "Input: (2, 20) int32" in text.split("<h2>What it costs</h2>")[1][:200]
    for command in ("summary", "explain"):
        options = line[1:] if command == "summary" else ()
        shown = rnncli(command, SPEC, *options, "-f", "html").stdout
        for part in re.findall("<li>.*?</li>|<tr>.*?</tr>", shown):
            assert part in text
    for target in ("keras", "torch", "numpy"):
        source = rnncli("export", SPEC, "--to", target).stdout
        assert f"<h2>In {TARGETS[target].title}</h2>" in text
        code = re.search(f"<h2>In {TARGETS[target].title}</h2>.*?<code>(.*?)</code>", text, re.DOTALL)
        assert code is not None
        assert len(code[1].splitlines()) == len(source.strip().splitlines())
    total = rnncli("summary", *line, "-f", "json").objects[0]["total_params"]
    assert f"{total:,}" in text


def test_a_pytorch_network_runs_with_weights_as_pytorch_draws_them(rnncli: Run) -> None:
    shown = rnncli("forward", "nn.LSTM(8, 4)", "--plot", "--init", "torch", "-f", "html").stdout
    assert shown.partition("Norm of the state")[2][:50] in page_of(rnncli, "nn.LSTM(8, 4)").partition("Over time")[2]


def test_missing_figures_are_explained(rnncli: Run) -> None:
    assert "PyTorch" in page_of(rnncli, *PAGES["what PyTorch alone has not"]).split("<h2>In PyTorch</h2>")[1][:300]
    assert "recurrent layer" in page_of(rnncli, *PAGES["no state"]).split("<h2>Over time</h2>")[1][:300]


def test_assumptions_are_on_the_page(rnncli: Run) -> None:
    heading = "<h2>Assumed, or different from the source</h2>"
    assert heading not in page_of(rnncli, SPEC)
    assert f"{heading}\n<p>an input of 32 features</p>" in page_of(rnncli, "LSTM(4)")
    several = page_of(rnncli, SPEC, "LSTM(4)", "Bidirectional(GRU(3))")
    said = [f"Network {number}: an input of 32 features" for number in (2, 3)]
    assert f"{heading}\n<p>{'<br/>'.join(said)}</p>" in several


def test_a_map_has_other_colours_on_a_light_background(rnncli: Run) -> None:
    text = page_of(rnncli, *PAGES["a network"])
    on_light = dict(re.findall(r'\[fill="(#\w+)"\] { fill: (#\w+); }', text.split("(prefers-color-scheme: light)")[1]))
    cells = set(re.findall(r'<rect [^>]*fill="(#\w+)"', text))
    assert len(cells) > 1
    assert cells <= on_light.keys()
    assert on_light["#121212"] == "#ffffff"


def test_the_html_of_a_page_is_the_page(rnncli: Run) -> None:
    assert page("input:8,lstm:4", "input:8,gru:4").to("html") == page_of(rnncli, "input:8,lstm:4", "input:8,gru:4")


def test_several_networks_make_a_comparison_page(rnncli: Run) -> None:
    line = PAGES["several"]
    text = page_of(rnncli, *line)
    shown = rnncli("compare", *line, "-f", "html").stdout
    assert re.findall("<tr>.*?</tr>", shown)
    assert all(row in text for row in re.findall("<tr>.*?</tr>", shown))
    assert len(Elements(text).all("svg")) >= 4
    assert "more than 12 networks" in rnncli("page", *[f"input:8,rnn:{units}" for units in range(1, 14)]).refusal()


@pytest.mark.thorough
def test_it_opens_without_an_error_and_is_no_wider_than_a_phone(rnncli: Run, at: Walk) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("this machine has no Chromium")
    for what, line in PAGES.items():
        with at(what):
            text = page_of(rnncli, *line)
            # Headless Chromium windows are at least 500 pixels wide, so the page is shown in a frame of 360.
            frame = f'<iframe width="360" height="800" style="border: 0" srcdoc="{escape(text)}"></iframe>'
            measure = """
                <script>onload = () => {
                  const page = document.querySelector("iframe").contentDocument.documentElement;
                  document.title = `${page.scrollWidth} of ${page.clientWidth}`;
                };</script>"""
            Path("frame.html").write_text(
                f"<!DOCTYPE html><html><body>{frame}{measure}</body></html>", encoding="utf-8"
            )
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
            profile = f"--user-data-dir={Path.cwd()}/profile"
            url = Path("frame.html").resolve().as_uri()
            # A browser does not start within the tests' memory limit.
            unlimited = ["sh", "-c", 'ulimit -v unlimited; exec "$@"', "sh"]
            command = [*unlimited, chromium, *options, profile, url]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            # Wider elements scroll inside the page, which is as wide as the frame minus a scroll bar.
            assert re.search(r"<title>(3[46]\d) of \1</title>", done.stdout), done.stderr[-600:]
            assert "CONSOLE" not in done.stderr
