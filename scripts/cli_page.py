"""Write docs/guide/cli.md from the help texts of the commands; `--check` only compares."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from kiseki.cli import output
from kiseki.cli.main import cli

WIDTH = 100
PAGE = Path(__file__).parent.parent / "docs" / "guide" / "cli.md"
INTRODUCTION = """\
# The command line

`kiseki COMMAND --help` shows what stands here: `scripts/cli_page.py` makes this page from it.
`python -m kiseki` is the same.

With `--json` a command prints exactly one JSON document on stdout, also when it fails:
`{"error": {"code", "text", "todo"}}`. NaN and ±Inf are the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
What is said to people about trouble goes to stderr: what happened, what was kept, what Kiseki does now,
what can be done, and a code.

| exit code | meaning |
|---|---|
| 0 | all done |
| 1 | failed, nothing changed |
| 2 | wrong usage |
| 3 | done in part; what is missing is named |

Which server: `KISEKI_BASE_URL`, else `http://127.0.0.1:7500`. Which key: `KISEKI_API_KEY`, else what
`kiseki login` stored for that address. The first start of `kiseki server` stores a key for the user who
started it.
"""
CODES = {
    output.WRONG_USAGE: "An option or argument is missing, unknown or wrong. `--help` shows how.",
    output.ABSENT: "The file, folder, user or run named does not exist, or may not be seen with this key.",
    output.NO_RUN: "The folder holds no run: a run folder has a journal, `*.kslog`, in it.",
    output.NOTHING: "The runs named cannot be uploaded this way: `--id` names one run, more are given.",
    output.OTHER: "Anything else; the text says what.",
    "KSK-NET-101": "The server does not answer in time. Is it running, is the address right?",
    "KSK-NET-102": "Nothing listens at the address. `kiseki server` starts a server.",
    "KSK-NET-103": "Something answers that is not Kiseki: a proxy, a portal, another service.",
    "KSK-NET-104": "The server answers with an error of its own; its log says more.",
    "KSK-NET-105": "The server is busy; try again.",
    "KSK-AUTH-201": "No key, or one the server does not accept: `kiseki login --relogin`.",
    "KSK-RUN-301": "The server does not take this; the text is its reason.",
    "KSK-DATA-401": "Records were refused by the server and set aside in `rejected.jsonl`.",
    "KSK-DATA-402": "A journal is damaged. Every intact record in front of and behind it is used.",
}


def page() -> str:
    """Return the page."""
    root = click.Context(cli, info_name="kiseki", terminal_width=WIDTH, **cli.context_settings)
    parts = [INTRODUCTION, *_sections(root, "##")]
    rows = "\n".join(f"| `{code}` | {text} |" for code, text in CODES.items())
    parts.append(f"## Codes\n| code | meaning |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


def _sections(context: click.Context, level: str) -> Iterator[str]:
    command = context.command
    yield f"{level} {context.command_path}\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        below = level if context.parent is None else level + "#"
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _sections(click.Context(inner, context, name), below)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if it differs")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    return 0 if PAGE.read_text(encoding="utf-8") == page() else 1


if __name__ == "__main__":
    sys.exit(main())
