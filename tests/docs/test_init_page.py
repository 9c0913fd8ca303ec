"""The page of `init` speaks of every argument, in order (I-02)."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import kiseki

PAGE = Path(__file__).parent.parent.parent / "docs" / "guide" / "init.md"


def test_every_argument_has_a_row_with_an_example() -> None:  # I-02
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.M)
    assert [name for name, _ in rows] == list(inspect.signature(kiseki.init).parameters)
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)$", text, re.M)
    }
    for name, cells in rows:
        (anchor,) = re.findall(r"\]\(#([\w-]+)\)", cells)
        assert anchor in headings, name
