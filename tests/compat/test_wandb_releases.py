"""Older releases of the official client, each in an environment of its own. They are installed by pip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "wandb_releases.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("release", ["0.16.6", "0.18.7", "0.20.1", "0.22.3", "0.24.2"])
def test_a_release_logs_and_reads_back(release: str) -> None:
    done = subprocess.run([sys.executable, SCRIPT, release], capture_output=True, text=True)
    if "No matching distribution" in done.stderr or "Could not fetch" in done.stderr:
        pytest.skip("pip cannot install it here")
    assert done.returncode == 0, done.stdout + done.stderr[-2_000:]
