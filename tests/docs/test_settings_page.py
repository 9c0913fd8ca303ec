"""The page of settings says what the table says (E-01)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_made_from_the_table() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "settings_page.py", "--check"], cwd=ROOT
    )
    assert done.returncode == 0, "run: python scripts/settings_page.py"
