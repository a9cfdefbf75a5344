"""Options and arguments that several commands share, so that they are spelt the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import wraps
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from rnncli.commands import values
from rnncli.commands.command_line import these_arguments, this_line
from rnncli.errors import RnncliError, SpecError, UsageError, listed, quote, shorten
from rnncli.formats import FORMATS as MODEL_FILES
from rnncli.formats import Settings, choice_of, open_model
from rnncli.quantities import MULTIPLES, parse_number
from rnncli.render.terminal import FORMATS, THEMES, Picture, Theme
from rnncli.search.budget import FIGURES, Budget, unknown

if TYPE_CHECKING:
    from rnncli.network import Network

Command = TypeVar("Command", bound=Callable[..., Any])

_A_LENGTH = 100
"""The number of timesteps that an error suggests if none is given."""

_LETTERS = {"--batch": ["-b"], "--timesteps": ["-t"], "--output": ["-o"], "--quiet": ["-q"], "--format": ["-f"]}
"""The short names of the most frequent options."""


def option(
    name: str, type_: values.Value | values.OneOf, meaning: str, *names: str, **more: Any
) -> Callable[[Command], Command]:
    """Return an option with a value; `meaning` is its help, `names` are other names, `more` is for `click.option`."""
    metavar = "FILE" if name in ("--output", "--save-weights") else type_.metavar
    return click.option(*_LETTERS.get(name, []), name, *names, type=type_, metavar=metavar, help=meaning, **more)


def flag(name: str, meaning: str, *names: str) -> Callable[[Command], Command]:
    """Return an option without a value, in the same way."""
    return click.option(*_LETTERS.get(name, []), name, *names, is_flag=True, help=meaning)


def number(name: str, meaning: str, **more: Any) -> Callable[[Command], Command]:
    """Return an option for a size, or a number of samples or timesteps."""
    return option(name, values.number, meaning, **more)


def reads(name: str, meaning: str, *extensions: str) -> Callable[[Command], Command]:
    """Return an option for a file to read, with one of the extensions."""
    return option(name, values.FileName(False, *extensions), meaning)


def writes(name: str, meaning: str, *extensions: str) -> Callable[[Command], Command]:
    """Return an option for a file to write, with one of the extensions."""
    return option(name, values.FileName(True, *extensions), meaning)


def svg(command: Command) -> Command:
    """Add --svg and --theme to a command; it receives both as `svg`: a picture, or None."""

    @wraps(command)
    def with_picture(*arguments: Any, svg: str | None, theme: Theme | None, **others: Any) -> Any:
        return command(*arguments, svg=None if svg is None else Picture(svg, theme or THEMES[0]), **others)

    file = values.FileName(True, "svg", what="SVG", more="; a browser can show and print it")
    meaning = f"Colours of the picture: light text on dark, or dark text on white.  [default: {THEMES[0]}]"
    add_theme = option("--theme", values.OneOf(THEMES), meaning)
    return option("--svg", file, "Also save the output as a picture.")(add_theme(cast(Command, with_picture)))


def quiet(answer: str) -> Callable[[Command], Command]:
    """Return -q, which prints only the answer of a command."""
    return flag("--quiet", f"Print only the answer, {answer}.")


def init(default: str) -> Callable[[Command], Command]:
    """Return --init, for commands that run networks, with a default in words. It imports the engine."""
    from rnncli.engine.request import INITS

    meaning = "How to draw weights: a framework's initialisers and normal input, or U[0, 1) for weights and input."
    return option("--init", values.OneOf(INITS), f"{meaning}  [default: {default}]")


def budget(command: Command) -> Command:
    """Add the budget options, with the same two names in every command: --max-params and --params.

    The command receives them as `budget`.
    """

    @wraps(command)
    def with_budget(*arguments: Any, **given: Any) -> Any:
        limits = Budget(**{figure.name: given.pop(figure.name) for figure in FIGURES})
        return command(*arguments, budget=limits, **given)

    added = cast(Command, with_budget)
    for figure in reversed(FIGURES):
        type_ = values.memory_size if figure.in_bytes else values.big_number
        added = option(f"--max-{figure.name}", type_, figure.means, f"--{figure.name}", figure.name)(added)
    return added


def check_known(given: Mapping[str, Any], texts: Iterable[str], network_of: Callable[[str], Network | None]) -> None:
    """Raise a UsageError with a length as the repair if a limited figure is unknown: some need the timesteps.

    `network_of` returns an example network for a template or a pattern.
    """
    limited = [figure for figure in FIGURES if given.get(figure.name) is not None]
    for text in texts if limited and given["timesteps"] is None else ():
        with suppress(SpecError):
            network = network_of(text)
            summaries = [] if network is None else [network.summary(given["batch"], each) for each in (None, _A_LENGTH)]
            for figure in limited if summaries else ():
                without, with_length = (getattr(summary, figure.key) for summary in summaries)
                if without is None and with_length is not None:
                    error = unknown(figure, summaries[0])
                    repair = this_line(more=["--timesteps", str(_A_LENGTH)])
                    raise UsageError(error.message, error.advice, lead="for example", repair=repair)


batch = number("--batch", "Samples at a time; unknown (None) if left out.")
timesteps = number("--timesteps", "Length of the sequence; unknown if left out.")
seed = option(
    "--seed",
    values.seed,
    "Random seed for weights and input; the same seed gives the same bytes.  [default: 0]",
    default=0,
)
weights = reads("--weights", "Read the weights from a model file, or from arrays named LAYER/WEIGHT.", *MODEL_FILES)
format_ = option(
    "--format",
    values.OneOf(FORMATS),
    "table is for people; markdown and html for documents; json (one object per line), csv and tsv for programs.",
    "format_",
    default="table",
)
rate = option("--rate", values.rate, "Timesteps per second, to add MACs per second: 50, 12.5, 16k.")
dtype = option(
    "--dtype",
    values.dtype,
    "Data type of weights and outputs, for sizes in bytes.  [default: float32]",
    default="float32",
)
framework = option(
    "--framework",
    values.framework,
    "Whose weights to count; PyTorch has two bias vectors.  [default: framework of SPEC, or keras]",
)

# Specs, and values for names that a source does not define: --set NAME=NUMBER

_SETTINGS, _USED = "rnncli.settings", "rnncli.used_settings"
"""Keys in the context's meta: the settings, and the names of those that a source has used."""

_MOST_TRIED = 4
"""How many expressions of a source are tried instead of a setting that it does not use."""


def _read_setting(text: str) -> tuple[str, int | float | str]:
    """Return the name, perhaps an expression, `len(vocab)`, and the value of a setting, or raise a ValueError."""
    name, sign, value = (part.strip() for part in text.rpartition("="))
    if not sign or not name or not value or "=" in re.sub(r"[(\[].*[)\]]|[=<>!]=", "", name):  # or several settings
        raise ValueError(f"{shorten(text)} is not NAME=NUMBER, such as vocab_size=25000 or 'len(vocab)=25000'")
    for read in (parse_number,) if value[-1] in MULTIPLES else (int, float):
        with suppress(ValueError):
            meant = read(value)
            break
    else:
        return name, {"True": True, "False": False}.get(value, value.strip("'\""))
    if isinstance(meant, float) and not isfinite(meant):
        raise ValueError(f"{shorten(name)} is {meant}, expected a finite number or a word")
    return name, meant


def _keep(context: click.Context, parameter: click.Parameter, given: tuple[tuple[str, int | float | str], ...]) -> None:
    kept = dict(given)
    for name, value in given:
        if kept[name] != value:
            raise click.BadParameter(f"{shorten(name)} is set twice: {value} and {kept[name]}", context, parameter)
    context.meta[_SETTINGS], context.meta[_USED] = kept, set()


set_ = option(
    "--set",
    values.Value("NAME=NUMBER", "NAME=NUMBER", _read_setting, lambda text: None, "vocab_size=25000"),
    "Value for a name in Python source: vocab_size=25000, 'len(vocab)=25000', 'shape=(None, 8)'.",
    multiple=True,
    expose_value=False,
    callback=_keep,
)


def complete_spec(context: click.Context, parameter: click.Parameter, typed: str) -> values.Completions:
    """Offer completions of a spec, a template or a pattern; if a spec has none, model files."""
    if parameter.name == "pattern":
        from rnncli.search.braces import pattern_completions

        found = pattern_completions(typed)
    else:
        from rnncli.language.completion import spec_completions

        found = spec_completions(typed, blanks=parameter.name == "template")
    # No space, because a spec can continue.
    items = [values.completion(each.text, help=each.means, word=each.word, open=True) for each in found]
    is_file = not items and parameter.name not in ("pattern", "template")
    return values.FileName(False, *MODEL_FILES).shell_complete(context, parameter, typed) if is_file else items


_SPEC = """

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), a line of Keras or PyTorch, or a model
    file; - reads specs from standard input, one per line. If it is left out, $RNNCLI_SPEC is used, or an example.
    """
"""The paragraph about SPEC in the help of each command that takes one."""


def spec(command: Command) -> Command:
    """Add the SPEC arguments and --set to a command, and the paragraph about them to its help."""
    if command.__doc__ is not None:  # Python -OO leaves it out
        command.__doc__ = command.__doc__.rstrip() + _SPEC
    return click.argument("spec", nargs=-1, shell_complete=complete_spec)(set_(command))


def settings() -> Settings:
    """Return the settings of the running command."""
    found: Settings = click.get_current_context().meta.get(_SETTINGS, {})
    return found


def note_used(names: Iterable[str]) -> None:
    """Record the settings that a source has used; raise a UsageError if it is the only one and did not use all."""
    used: set[str] | None = click.get_current_context().meta.get(_USED)
    if used is not None:
        used.update(names)
        if len(these_arguments()) <= 1 and these_arguments() != ["-"]:
            check_used()


def check_used() -> None:
    """Raise a UsageError for a setting that no source used: it is misspelt, or meant for something else."""
    used: set[str] = click.get_current_context().meta.get(_USED, set())
    if unused := [name for name in settings() if name not in used]:
        names = listed([quote(name) for name in unused], "or")
        meant = {name: other for name in unused if (other := _meant(name)) is not None}
        said = {meant.get(name, name): value for name, value in settings().items() if name in used or name in meant}
        more = [word for name, value in said.items() for word in ("--set", f"{name}={value}")]
        message, lead = f"--set: the network does not depend on {names}", "perhaps" if meant else "without it"
        raise UsageError(message, lead=lead, repair=this_line(without=["set"], more=more))


def _meant(name: str) -> str | None:
    """Return an expression that a source uses and that ends with the name of an unused setting: `args.vocab`."""
    from rnncli.formats.python.trees import ends_alike, expressions_in  # only errors need it

    for choice in map(choice_of, these_arguments()):
        if choice is not None and choice.path.lower().endswith((".py", ".ipynb")):
            with suppress(RnncliError, OSError):
                for other in ends_alike(name, expressions_in(choice.path))[:_MOST_TRIED]:
                    if other in open_model(choice.path, {**settings(), other: settings()[name]}).used:
                        return other
    return None
