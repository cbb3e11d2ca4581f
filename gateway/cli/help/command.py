"""Show the help of a verb, or what the documentation says about a topic."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence

import click

from gateway.cli.help.markdown import show_markdown
from gateway.cli.help.pages import (
    Row,
    Section,
    all_topics,
    find_rows,
    find_sections,
    list_pages,
)
from gateway.cli.options import is_json, json_option
from gateway.settings.text.suggestions import did_you_mean

# Longer lines are hard to read, even on a terminal that is wider.
_WIDEST = 100

TOPICS = "topics"
MAN = "man"


# An option is a topic, too.
@click.command("help", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="[VERB|REASON|CODE|TOPIC]")
@json_option
@click.pass_context
def command(ctx: click.Context, words: Sequence[str]) -> None:
    """Show the help of a verb, or what the documentation says about a topic.

    A topic is a reason of a refusal, a code of `gateway check`, a page, a heading, or a name that
    a table explains: an option, a key, a metric. `gateway help topics` lists the pages, `gateway
    help man` prints the manual page: gateway help man | man -l -
    """
    topic = " ".join(words)
    if topic == MAN:
        _print_man_page(ctx)
        return
    if topic == TOPICS:
        _print_topics()
        return
    verb = _find_verb(ctx, words)
    sections = () if not words else find_sections(topic)
    rows = () if sections else find_rows(topic)
    if verb is None and not (sections or rows):
        known = {*ctx.find_root().command.list_commands(ctx), *all_topics()}  # type: ignore[attr-defined]
        meant = did_you_mean(topic, known) or ": `gateway help topics` lists the pages"
        raise click.UsageError(f"no such topic{meant}")
    if is_json():
        _print_json(topic, verb, sections, rows)
        return
    if verb is not None:
        click.echo(verb)
        for one in (section for section in sections if section.level == 1):
            click.echo(f"\nThe page about it: gateway help {one.page}.md")
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else _WIDEST
    shown = [
        *(_show(one, one.text, width) for one in sections),
        *(_show_row(one, width) for one in rows),
    ]
    click.echo("\n\n".join(shown))


def _find_verb(ctx: click.Context, words: Sequence[str]) -> str | None:
    """Return the help of the verb that *words* name, or of all verbs; None if it is none."""
    root = ctx.find_root()
    found, context = root.command, root
    for word in words:
        verb = found.get_command(context, word) if isinstance(found, click.Group) else None
        if verb is None:
            return None
        found, context = verb, click.Context(verb, context, word)
    return found.get_help(context)


def _show(section: Section, text: str, width: int) -> str:
    source = "" if section.level == 1 else click.style(f"{section.topic}\n\n", dim=True)
    return source + show_markdown(text, section.page, width)


def _show_row(row: Row, width: int) -> str:
    divider = "|---" * row.head.count("|")
    return _show(row.section, f"{row.head}\n{divider}\n{row.text}", width)


def _print_topics() -> None:
    pages = list_pages()
    if is_json():
        click.echo(json.dumps([{"page": page, "about": about} for page, about in pages], indent=2))
        return
    width = max(len(page) for page, _ in pages)
    for page, about in pages:
        click.echo(f"{page:<{width}}  {about}")


def _print_man_page(ctx: click.Context) -> None:
    # Imported here: few ask for it.
    from gateway.cli.help.man_page import write_man_page  # noqa: PLC0415

    root = ctx.find_root().command
    assert isinstance(root, click.Group)  # noqa: S101 - this verb is one of several
    page = write_man_page(root)
    click.echo(json.dumps({"page": page}) if is_json() else page, nl=is_json())


def _print_json(
    topic: str, verb: str | None, sections: Sequence[Section], rows: Sequence[Row]
) -> None:
    found: list[Mapping[str, object]] = []
    if verb is not None:
        found.append({"kind": "verb", "page": None, "heading": None, "anchor": None, "text": verb})
    found += [_as_json("page" if one.level == 1 else "section", one, one.text) for one in sections]
    found += [_as_json("row", one.section, f"{one.head}\n{one.text}") for one in rows]
    click.echo(json.dumps({"topic": topic, "found": found}, indent=2))


def _as_json(kind: str, section: Section, text: str) -> Mapping[str, object]:
    return {
        "kind": kind,
        "page": f"{section.page}.md",
        "heading": section.heading,
        "anchor": section.anchor,
        "text": text,
    }
