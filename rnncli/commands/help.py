"""`rnncli help`: the same as `--help`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.errors import UsageError, quote


def _complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    del parameter
    group = context.find_root().command
    assert isinstance(group, click.Group)
    return [name for name in group.list_commands(context) if name.startswith(typed)]


@click.command(cls=GroupedCommand, short_help="The same as --help.")
@click.argument("name", metavar="[COMMAND]", required=False, shell_complete=_complete)
@click.pass_context
def command(context: click.Context, name: str | None) -> None:
    """Show what `rnncli --help` shows, or `rnncli COMMAND --help`.

    \b
    Examples:
      rnncli help
      rnncli help summary
    """
    root = context.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    if name is None:
        click.echo(root.get_help())
        return
    found = group.get_command(root, name)
    if found is None:
        raise _no_command(name, group.list_commands(root))
    click.echo(found.get_help(click.Context(found, info_name=name, parent=root)))


def _no_command(name: str, commands: Sequence[str]) -> UsageError:
    """Return the error for a name that is no command: another name for one, a word of specs, or a misspelt command."""
    from rnncli.commands.other_names import COMMANDS
    from rnncli.language.likeness import closest
    from rnncli.reports.reference import A_WORD, is_word

    message = f"there is no command {quote(name)}"
    if is_word(name):
        return UsageError(message, A_WORD, repair=f"rnncli layers {shlex.quote(name)}")
    other = COMMANDS.get(name.lower(), ("",))[0]
    guess = other if other in commands else closest(name, commands)
    repair = guess and f"rnncli help {guess}"
    return UsageError(message, None if guess else f"there are {', '.join(commands)}", repair=repair)
