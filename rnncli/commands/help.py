"""`rnncli help`: the same as `--help`, and pages on topics that concern all commands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import click

from rnncli.cli import COMMANDS
from rnncli.commands.groups import WIDE, GroupedCommand, fitting, terminal_columns
from rnncli.commands.values import OneOf
from rnncli.system import package_text

TOPICS = ("spec", "keys", "files", "python", "promises")
"""The topics. The page on keys is generated from the vocabulary; the others are files in `rnncli/pages`."""

_SOUGHT: Mapping[str, str] = {
    **dict.fromkeys(("notebook", "notebooks", "jupyter", "ipython", "api", "library", "pandas"), "python"),
    **dict.fromkeys(("json", "csv", "tsv", "columns", "fields"), "keys"),
    **dict.fromkeys(("file", "model", "models", "weights", "formats", "checkpoint", "checkpoints"), "files"),
    **dict.fromkeys(("language", "syntax", "specs"), "spec"),
}
"""Other words that people look for, and the page about each."""


@click.command(cls=GroupedCommand)
@click.argument(
    "name", type=OneOf([*dict.fromkeys((*COMMANDS, *TOPICS))], _SOUGHT), metavar="[COMMAND|TOPIC]", required=False
)
@click.pass_context
def command(context: click.Context, name: str | None) -> None:
    """Show the same as `rnncli --help` or `rnncli COMMAND --help`, or a page on a topic.

    \b
    Examples:
      rnncli help
      rnncli help summary
      rnncli help keys

    \b
    Topics:
      spec       the language of specs
      keys       the keys of JSON and CSV
      files      model files, weights, inputs and outputs
      python     the Python API, also in notebooks
      promises   guarantees about files, memory and signals
    """
    root = context.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    if name is None:
        click.echo(root.get_help())
        return
    found = group.get_command(root, name)
    shown = [] if found is None else [found.get_help(click.Context(found, info_name=name, parent=root))]
    if name not in TOPICS:
        click.echo("\n".join(shown))
        return
    os.environ.setdefault("LESS", "FRX")  # as git does: a page that fits stays on the screen
    click.echo_via_pager("\n\n".join([fitting(page(name)), *shown]))  # the page first: a pager shows the start


def page(topic: str) -> str:
    """Return the page on a topic; if the terminal is narrow, each paragraph is one line."""
    if topic == "keys":
        return "\n".join(_keys())
    text = package_text(f"pages/{topic}.md").rstrip("\n")
    if terminal_columns() >= WIDE:
        return text
    paragraphs = text.split("\n\n")  # code is indented
    return "\n\n".join(each if each.startswith(" ") else " ".join(each.split()) for each in paragraphs)


def _keys() -> Iterator[str]:
    from rnncli.vocabulary import GROUPS

    yield "The keys of JSON and CSV; each has the same meaning in every command"
    for of, meanings in GROUPS.items():
        yield from ("", f"Of {of}:")
        for meaning in meanings:
            title = f" (on the screen: {meaning.title})" if meaning.title else ""
            yield f"  {', '.join(meaning.keys)}: {meaning.text.replace('`', '')}{title}"
