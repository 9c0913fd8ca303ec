"""How commands speak: results on stdout, trouble on stderr, exit codes (reliability §6).

KSK-CLI-601  wrong usage                            KSK-CLI-604  cannot be uploaded like this
KSK-CLI-602  no such file, folder, user or run      KSK-CLI-609  anything else
KSK-CLI-603  no run is there
The codes of the network, of keys and of damaged data are those of `uploader/messages.py`.
"""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

DONE, FAILED, USAGE, PARTLY = 0, 1, 2, 3
PREFIX = "kiseki: "
WRONG_USAGE, ABSENT, NO_RUN, NOTHING, OTHER = (
    f"KSK-CLI-{number}" for number in (601, 602, 603, 604, 609)
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Failure(Exception):
    """A command that could not do its work; told in at most four lines.

    Args:
        happened: what happened, in plain words, with address, path or status.
        code: stable code.
        kept: what was kept.
        now: what Kiseki does now.
        todo: what one can do: a command or setting.
        status: exit code.
    """

    def __init__(
        self,
        happened: str,
        code: str = OTHER,
        *,
        kept: str = "",
        now: str = "",
        todo: str = "",
        status: int = FAILED,
    ) -> None:
        super().__init__(happened)
        self.happened, self.code, self.kept, self.now, self.todo = happened, code, kept, now, todo
        self.status = status

    def lines(self) -> str:
        """Return the message, a line per part."""
        parts = [f"{self.happened.rstrip('.')}. [{self.code}]", self.kept, self.now, self.todo]
        return "\n".join(part for part in parts if part)

    def document(self) -> dict[str, Any]:
        """Return the message for `--json`."""
        parts = {"kept": self.kept, "now": self.now, "todo": self.todo}
        said = {name: part for name, part in parts.items() if part}
        return {"error": {"code": self.code, "text": self.happened, **said}}


def json_option(command: _Command) -> _Command:
    """Give a command the option `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
    )(command)


def clean(text: str) -> str:
    """Return text of a run or server without control characters: they could change what a terminal shows."""
    return "".join(
        c if c in "\t\n" or unicodedata.category(c) not in ("Cc", "Cf") else repr(c)[1:-1]
        for c in text
    )


def tell(text: str) -> None:
    """Print lines for people on stderr."""
    for line in text.splitlines():
        click.echo(PREFIX + clean(line), err=True)


def progress(text: str) -> None:
    """Replace the line that shows progress; on a terminal only. "" removes it."""
    if sys.stderr.isatty():
        click.echo(f"\r{PREFIX}{text}\x1b[K" if text else "\r\x1b[K", err=True, nl=False)


def print_json(document: Any) -> None:
    """Print one JSON document; NaN and ±Inf as the strings the API uses."""
    click.echo(json.dumps(_jsonable(document), ensure_ascii=False, indent=1))


def leave(status: int) -> NoReturn:
    """End the command with an exit code."""
    click.get_current_context().exit(status)


def _jsonable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    return value
