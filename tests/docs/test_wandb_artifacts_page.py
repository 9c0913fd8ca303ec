"""The page about the official client's artifacts names every operation that is answered."""

from __future__ import annotations

import re
from pathlib import Path

from kiseki.server.wandb.artifacts import RESOLVERS

PAGE = Path(__file__).parents[2] / "docs" / "compat" / "wandb-artifacts.md"


def test_every_operation_is_listed() -> None:
    text = PAGE.read_text("utf-8").partition("## Operations")[2]
    listed = set(re.findall(r"`(\w+)`", text))
    assert listed == {path.partition(".")[2] for path in RESOLVERS}
