"""Braces expand as in bash; named braces as documented."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import islice

import pytest
from conftest import Walk, examples
from hypothesis import given
from hypothesis import strategies as st

from rnncli.errors import SpecError
from rnncli.language.source import MAX_BYTES
from rnncli.search.braces import KEYS, MAX_DEPTH, parse_pattern

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")

NAMED = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*[=}]")
MIXED = re.compile(r"[A-Z]\.\.[a-z]|[a-z]\.\.[A-Z]")
"""A range between cases includes a backslash and a backtick, which bash would interpret."""

numbers = st.one_of(
    st.integers(-20, 20).map(str),
    st.sampled_from(["0", "-0", "00", "01", "-01", "007", "+3", "10", "-10", "100", "9" * 30, "", "a", "b", "Z"]),
)
ranges = st.lists(numbers, min_size=1, max_size=4).map("..".join)
words = st.sampled_from(
    ["a", "b", "lstm:8", "x", "=", "act=relu", ".", "..", "", "-", "_", "16", "\\,", "\\{", "\\}", "\\\\"]
)
soups = st.lists(st.sampled_from("{}{},,..\\ab019-+=x:") | words | ranges.map("{{{}}}".format), max_size=14).map(
    "".join
)
patterns = st.recursive(
    words | ranges.map("{{{}}}".format),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(",".join).map("{{{}}}".format),
        st.lists(inner, min_size=2, max_size=3).map("".join),
    ),
    max_leaves=8,
)


def comparable(pattern: str) -> bool:
    """Whether bash reads it as the same pattern: no named brace, and no escape at the end."""
    names = [match[0] for match in NAMED.finditer(pattern)]
    return all(name[1:-1] in KEYS for name in names) and not MIXED.search(pattern) and len(pattern) < 200


def expand_in_bash(patterns: Sequence[str]) -> list[list[str]]:
    """The expansion of each pattern, unquoted, in bash."""
    script = "\n".join(f"printf '<%s>\\n' {pattern}; echo" for pattern in patterns)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert not done.stderr
    groups = done.stdout.removesuffix("\n").split("\n\n")
    return [[] if group.strip() == "<>" else [line[1:-1] for line in group.splitlines()] for group in groups]


def expand(pattern: str) -> list[str]:
    return list(parse_pattern(pattern).expand())


@needs_bash
@examples(60)
@given(
    st.lists(
        (patterns | soups).filter(comparable).filter(lambda p: not re.search(r"(^|[^\\])(\\\\)*\\$", p)),
        min_size=1,
        max_size=10,
    )
)
def test_a_pattern_expands_as_in_bash(some: list[str]) -> None:
    some = [p for p in some if parse_pattern(p).count() < 300]
    for pattern, expected in zip(some, expand_in_bash(some) if some else [], strict=True):
        assert expand(pattern) == expected, pattern


CORNERS = (
    *("lstm:{16,32}", "lstm:{16..256..16}", "{rnn,lstm}:{8,{16..64..16}}:{seq,back}", "{act=relu,act=tanh}"),
    *("{01..10}", "{1..010..3}", "{-3..3}", "{3..-3..2}", "{1..10..-4}", "{1..3..0}", "{a..e}", "{e..a..2}"),
    *("{16}", "{}", "a{b", "a}b,c", "{1}b,c}", "{a,b}}", "{{a,b}", "{a\\,b,c}", "\\{a,b}", "{,seq}x{,}"),
    *("{1..}", "{1..a}", "{1..2..3..4}", "{9223372036854775807..9223372036854775808}"),
)


@needs_bash
def test_each_corner_case_of_braces_follows_bash(at: Walk) -> None:
    for pattern, expected in zip(CORNERS, expand_in_bash(CORNERS), strict=True):
        with at(pattern):
            assert expand(pattern) == expected


@examples(60)
@given(patterns | soups)
def test_texts_are_counted_without_expanding_them(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except SpecError:
        return
    if pattern.count() <= 300:
        assert pattern.count() == len(list(pattern.expand()))


def test_nothing_is_expanded_until_requested() -> None:
    pattern = parse_pattern("embed:{1..2000000000}x{1..1000},rnn:{1..1000}")
    assert pattern.count() == 2 * 10**15
    assert list(islice(pattern.expand(), 2)) == ["embed:1x1,rnn:1", "embed:1x1,rnn:2"]
    # Bash does not expand a longer range.
    ranges = ("{0..2147483644}", "{0..2147483645}", "{0..4294967288..2}")
    assert [parse_pattern(text).count() for text in ranges] == [2**31 - 3, 1, 2**31 - 3]


NAMES = {
    "embed:9x{u=16,32},lstm:{u}": ["embed:9x16,lstm:16", "embed:9x32,lstm:32"],
    "embed:9x{u},lstm:{u=16,32}": ["embed:9x16,lstm:16", "embed:9x32,lstm:32"],
    "{u=1..3}{u}{u}": ["111", "222", "333"],
    "{u=1,2}{a,b}{u}": ["1a1", "1b1", "2a2", "2b2"],
    "{a,b}{u=1,2}{u}": ["a11", "a22", "b11", "b22"],
    "{u=1,2}{v=3,4}{v}{u}": ["1331", "1441", "2332", "2442"],
    "{u=8,{1..2}}-{u}": ["8-8", "1-1", "2-2"],
    "{u=7}{u}": ["77"],
    "{u=1,2}:{a{u},b}": ["1:a1", "1:b", "2:a2", "2:b"],
    "{a{u},b}:{c,d}:{u=1,2}": ["a1:c:1", "a1:d:1", "a2:c:2", "a2:d:2", "b:c:1", "b:d:1", "b:c:2", "b:d:2"],
}


def test_a_named_brace_gives_several_places_the_same_value(at: Walk) -> None:
    for pattern, expected in NAMES.items():
        with at(pattern):
            assert expand(pattern) == expected


def nested(depth: int) -> str:
    return "{a," * depth + "b" + "}" * depth


WRONG = {
    "lstm:{u}": ("there is no brace that gives u its values", "{u}"),
    "{u=1,2},{u=3,4}": ("u has its values already", "{u=3,4}"),
    "{a,{u=1,2}}": ("the brace named u is inside another brace", "{u=1,2}"),
    "{u={v=1,2},3}": ("the values of u hold another name, v", "{v="),
    "{u=1,2": ("the brace named u is not closed", "{u=1,2"),
    nested(MAX_DEPTH + 1): ("braces are nested more than 50 deep", "a"),
    "{,}" * 20: ("the pattern stands for 1,048,576 empty texts", "{,}" * 20),
    "x" * (MAX_BYTES + 1): ("the pattern is 65,537 bytes long; 64 KiB are allowed", "xx"),
}
"""Invalid patterns, their messages, and the part that is marked."""


def test_an_invalid_brace_name_is_marked(at: Walk) -> None:
    for pattern, (message, fault) in WRONG.items():
        with at(pattern[:20]):
            with pytest.raises(SpecError) as caught:
                parse_pattern(pattern)
            assert (caught.value.message, pattern[slice(*caught.value.span)]) == (message, fault)
    assert parse_pattern(nested(MAX_DEPTH)).count() == MAX_DEPTH + 1
    assert parse_pattern("x" * MAX_BYTES).count() == 1
