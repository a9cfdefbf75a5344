"""The group `rnncli`, which imports a command's module when the command is called, and prints every error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import pairwise

import click

from rnncli import __version__
from rnncli.commands import COMPLETION
from rnncli.commands.command_line import TYPED, with_command
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import flush_output, report
from rnncli.commands.values import Completions, completion
from rnncli.errors import EXIT_DONE, EXIT_INTERRUPTED, RnncliError, UsageError
from rnncli.system.signals import INTERRUPTED
from rnncli.system.streams import has_no_reader

GROUPS = {
    "Look": {
        "summary": "Shapes, parameters and costs of every layer.",
        "explain": "Where each number comes from.",
        "draw": "The network unrolled in time, as a picture.",
        "compare": "Networks side by side.",
    },
    "Run": {
        "forward": "Run the network in NumPy; statistics of its outputs.",
        "reach": "How far back networks remember.",
    },
    "Choose": {
        "sweep": "One row for each of many candidates.",
        "solve": "The largest network within a budget.",
    },
    "Files": {
        "inspect": "The contents of a model file.",
        "export": "The network as source code or a model file.",
        "page": "An HTML page about one or several networks.",
        "spec": "Only the canonical spec.",
    },
    "Shell": {
        "layers": "The spec language on one screen.",
        "completion": "A completion script for your shell.",
        "help": "The same as --help, or a page: spec, keys, files, python, promises.",
    },
}
"""The commands in the groups and order of the help, each with its one-line description."""

COMMANDS = {name: text for commands in GROUPS.values() for name, text in commands.items()}
"""Each command with its line in the help. Its code is in `rnncli.commands.NAME`."""


class RnncliGroup(GroupedCommand, click.Group):
    """A group whose commands are modules, imported when they are called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"rnncli.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the called command. If there is none, Click would complete the line as if without the word."""
        found = super().resolve_command(ctx, args)
        if found[1] is None:
            ctx.fail(f"No such command {args[0]!r}.")
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Completions:
        """Return completions of commands and options, or of a spec given without a command, importing no command."""
        if ":" in incomplete:
            from rnncli.commands.options import complete_spec

            return complete_spec(ctx, self.params[0], incomplete)
        commands = [completion(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing their modules, and the options."""
        width = max(map(len, COMMANDS))
        for group, commands in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])
        GroupedCommand.format_options(self, ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line; its --help is printed here."""
        ctx.meta[TYPED] = with_command(self, args)
        return super().parse_args(ctx, [*ctx.meta[TYPED]])


@contextlib.contextmanager
def _coloured(typed: Sequence[str]) -> Iterator[None]:
    """Set the environment variables for --color, which all libraries respect, while a command line runs."""
    values = [value for word, value in pairwise([*typed, ""]) if word == "--color"]
    values += [word.partition("=")[2] for word in typed if word.startswith("--color=")]
    variables = {"always": {"FORCE_COLOR": "always", "NO_COLOR": ""}, "never": {"NO_COLOR": "never"}}
    asked = variables.get(values[-1], {}) if values else {}
    before = {name: os.environ[name] for name in asked if name in os.environ}
    os.environ.update(asked)
    try:
        yield
    finally:
        for name in asked:
            del os.environ[name]
        os.environ.update(before)


def _run(work: Callable[[], object], typed: Sequence[str]) -> int:
    try:
        result = work()
        return result if isinstance(result, int) else EXIT_DONE
    except (click.ClickException, UsageError) as error:
        from rnncli.commands.mistakes import usage_error

        return report(usage_error(error, cli, with_command(cli, typed)))
    except click.exceptions.Exit as end:
        return end.exit_code
    except KeyboardInterrupt:  # in the program itself, Ctrl-C does not raise it; see `rnncli.system.signals`
        click.echo(INTERRUPTED, nl=False, err=True)
        return EXIT_INTERRUPTED
    except RnncliError as error:
        return report(error)
    except OSError as error:
        # No reader: it has seen enough (`| head`).
        status = EXIT_DONE if has_no_reader(error) else report(RnncliError(error.strerror or str(error)))
        _drop_stdout()
        return status
    except Exception as error:
        if _is_out_of_memory(error):
            return report(RnncliError("out of memory"))
        if os.environ.get("RNNCLI_DEBUG"):
            raise
        message = f"{type(error).__name__}: {error}; this is a bug in rnncli"
        advice = "please report it with the command line and the output of `rnncli --version` and RNNCLI_DEBUG=1"
        return report(RnncliError(message, advice))


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory is short, in which case Python and its libraries raise all kinds of errors."""
    if isinstance(error, MemoryError):
        return True
    cause: BaseException | None = error
    while cause is not None:  # NumPy wraps some of these errors in its own
        if isinstance(cause, ImportError) and "failed to map segment from shared object" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    try:
        from rnncli.system.memory import RESERVE, free_bytes

        free = free_bytes()
    except Exception:  # too little memory even for this
        return True
    return free is not None and free < RESERVE


def _drop_stdout() -> None:
    """Discard buffered output; otherwise Python would fail again at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Print the versions of rnncli and its environment, for bug reports, without importing the libraries."""
    if value and not ctx.resilient_parsing:
        import platform
        from importlib.metadata import PackageNotFoundError, version

        libraries = []
        for name in ("click", "numpy", "rich", "h5py"):
            try:
                libraries.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                libraries.append(f"no {name}")
        python = f"{platform.python_implementation()} {platform.python_version()}"
        click.echo(f"rnncli {__version__}\n{os.path.dirname(__file__)}")
        click.echo(f"{python}, {platform.platform()}, {sys.executable}\n{', '.join(libraries)}")
        ctx.exit()


@click.group(
    cls=RnncliGroup,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND] [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Explore recurrent neural networks from the command line.

    \b
    Examples:
      rnncli summary embed:10000x32,rnn:32:seq,rnn:32
      rnncli forward embed:10000x32,rnn:32:seq,rnn:32 --timesteps 100
      rnncli explain 'LSTM(64, return_sequences=True, input_shape=(30, 4))'
      rnncli layers

    A network is one line of text with layers separated by commas; `rnncli layers` shows the language. A line
    of Keras or PyTorch or a model file works too. `rnncli SPEC` is short for `rnncli summary SPEC`.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _obey(typed: Sequence[str]) -> object:
    """Run a command line, or complete it. Unlike `cli.main`, this leaves Ctrl-C and closed pipes to the caller."""
    if COMPLETION in os.environ:
        import_module("rnncli.commands.completion")  # registers the shells
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "rnncli", COMPLETION, os.environ[COMPLETION])
    with cli.make_context("rnncli", [*typed]) as context:
        return cli.invoke(context)


def run(typed: Sequence[str]) -> int:
    """Run a command line, print any error and return the exit status; nothing is raised."""
    with _coloured(typed):
        status = _run(lambda: _obey(typed), typed)
    if status == EXIT_DONE and sys.stdout is None:
        return report(RnncliError("standard output is closed"))
    # Flush what an error left in the buffer: otherwise Python would fail again at exit, with its own status.
    return max(status, _run(flush_output, typed))
