"""Training scripts in processes of their own, and the run folders they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.unit.sdk.recording import records_of

# What is captured of the machine costs half a second a run and is tested elsewhere.
QUIET = {"KISEKI_DISABLE_META": "true", "KISEKI_DISABLE_STATS": "true"}
OFFLINE = {**QUIET, "KISEKI_MODE": "offline"}


def start_script(
    code: str, env: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a script in the current folder, with its output in pipes."""
    path = Path("script.py").absolute()
    path.write_text(textwrap.dedent(code))
    return subprocess.Popen(
        [sys.executable, str(path)],
        env={**os.environ, **OFFLINE, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run_script(
    code: str, env: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    process = start_script(code, env)
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def folders(root: Path | str = ".") -> list[Path]:
    """Return the run folders below `root`, oldest first."""
    found = Path(root, "kiseki").glob("*run-*")
    return sorted(
        (path for path in found if not path.is_symlink()), key=lambda p: p.stat().st_mtime
    )


def only_folder(root: Path | str = ".") -> Path:
    (found,) = folders(root)
    return found


def journal(folder: Path) -> list[Any]:
    """Return the records of the writer of a run folder."""
    (path,) = [p for p in folder.glob("run-*.kslog") if p.stem.count("-") == 1]
    return records_of(path)


def of(records: list[Any], kind: type) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]
