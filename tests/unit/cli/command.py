"""Running the command line as people do: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Done(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


def kiseki(*arguments: str | Path, env: dict[str, str] | None = None, stdin: str = "") -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "kiseki", *map(str, arguments)],
        env=os.environ | (env or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)
