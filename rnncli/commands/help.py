"""`rnncli help`: the same as `--help`."""

from __future__ import annotations

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
    """Examples:

    \b
      rnncli help
      rnncli help summary

    Show what `rnncli --help` shows, or `rnncli COMMAND --help`.
    """
    root = context.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    if name is None:
        click.echo(root.get_help())
        return
    found = group.get_command(root, name)
    if found is None:
        from rnncli.language.hints import closest

        commands = group.list_commands(root)
        guess = closest(name, commands)
        raise UsageError(
            f"there is no command {quote(name)}",
            None if guess else f"there are {', '.join(commands)}",
            repair=guess and f"rnncli help {guess}",
        )
    click.echo(found.get_help(click.Context(found, info_name=name, parent=root)))
