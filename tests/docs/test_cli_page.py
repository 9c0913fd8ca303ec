"""The page of the command line says what the help says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from kiseki.cli import output
from kiseki.uploader import messages

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "cli.md"


def test_the_page_is_made_from_the_help() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "cli_page.py", "--check"], cwd=ROOT)
    assert done.returncode == 0, "run: python scripts/cli_page.py"


def test_every_code_a_command_may_print_is_on_the_page() -> None:
    known = set(re.findall(r"KSK-CLI-\d+", output.__doc__ or ""))
    known |= {messages.code_of(error) for error in _errors()} | {
        messages.DAMAGED,
        messages.REJECTED,
    }
    assert known <= set(re.findall(r"KSK-[A-Z]+-\d+", PAGE.read_text(encoding="utf-8")))


def _errors() -> list[messages.CommError]:
    from kiseki.client.http import ConnectionRefused
    from kiseki.errors import AuthenticationError, ServerError, TransportError

    return [
        AuthenticationError("x"),
        ConnectionRefused("x"),
        TransportError("x"),
        TransportError("x is not a Kiseki server"),
        *(ServerError("x", status) for status in (400, 429, 500)),
    ]
