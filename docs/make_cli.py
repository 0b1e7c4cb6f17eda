"""Write into docs/cli.md what the program says of itself: commands, exit codes, help texts.

    python docs/make_cli.py [--check]

With --check nothing is written; the exit code says whether the page is up to date.
"""

import argparse
import sys
from pathlib import Path

import click

from nucleisplit.cli.exits import MEANINGS
from nucleisplit.cli.main import COMMANDS, main

PAGE = Path(__file__).parent / "cli.md"
BEGIN = "<!-- {}: written by docs/make_cli.py -->\n"
END = "<!-- end of {} -->\n"
WIDTH = 80


def commands() -> str:
    rows = [f"| [`{name}`](#{name}) | {summary} |\n" for name, (_, summary) in COMMANDS.items()]
    return "| command | |\n|---|---|\n" + "".join(rows)


def exit_codes() -> str:
    rows = [f"| {code} | {meaning} |\n" for code, meaning in MEANINGS.items()]
    return "| code | |\n|---:|---|\n" + "".join(rows)


def help_texts() -> str:
    root = click.Context(main, info_name="nucleisplit", terminal_width=WIDTH)
    texts = [f"```text\n{main.get_help(root)}\n```\n"]
    for name in COMMANDS:
        command = main.get_command(root, name)
        context = click.Context(command, root, name, terminal_width=WIDTH)
        texts.append(f"### {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(texts)


def filled(text: str, name: str, section: str) -> str:
    """The page with a section put between its two marks."""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        sys.exit(f"{PAGE}: lacks the lines {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{section}\n{end}{after}"


def write(check: bool) -> None:
    text = page = PAGE.read_text(encoding="utf-8")
    sections = {"commands": commands(), "exit codes": exit_codes(), "help": help_texts()}
    for name, section in sections.items():
        page = filled(page, name, section)
    if check and page != text:
        sys.exit(f"{PAGE}: out of date; run python docs/make_cli.py")
    if page != text:
        PAGE.write_text(page, encoding="utf-8")
        print(f"{PAGE}: written")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    write(parser.parse_args().check)
