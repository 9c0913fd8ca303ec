"""Lines for the person at the terminal: on stderr, prefixed, each state told once (E-07)."""

from __future__ import annotations

import sys
import threading
import time

REPEAT_SECONDS = 60.0  # the same trouble is told at most this often
PREFIX = "kiseki: "
ORIGINAL = "kiseki_original_write"  # attribute of a captured stream: how it writes uncaptured


def clean(line: str) -> str:
    """Return a line without control characters, which names may hold: they would steer the terminal."""
    return line if line.isprintable() else "".join(c for c in line if c.isprintable())


class Terminal:
    """Writes lines to stderr, past the console capture, so that a run's log holds the script's words only.

    Args:
        silent: write nothing at all (SILENT).
        quiet: write warnings only (QUIET).
    """

    def __init__(self, silent: bool = False, quiet: bool = False) -> None:
        self.silent = silent
        self.quiet = quiet
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Tell something good to know."""
        if not self.quiet:
            self._write(text)

    def warn(self, text: str, key: str = "", every: float | None = None) -> None:
        """Tell a warning; with `key`, only once, or once per `every` seconds."""
        if key:
            now = time.monotonic()
            last = self._told.get(key)
            if last is not None and (every is None or now - last < every):
                return
            self._told[key] = now
        self._write(text)

    def progress(self, text: str) -> None:
        """Replace the line that shows progress; on a terminal only."""
        stream = sys.stderr
        if self.silent or self.quiet or stream is None or not stream.isatty():
            return
        self._put(f"\r{PREFIX}{text}\x1b[K" if text else "\r\x1b[K")

    def _write(self, text: str) -> None:
        if not self.silent:
            lines = [clean(line) for line in text.split("\n")]
            self._put("".join(f"{PREFIX}{line}\n" for line in lines if line))

    def _put(self, text: str) -> None:
        stream = sys.stderr
        if stream is None:
            return
        write = getattr(stream, ORIGINAL, stream.write)
        try:
            with self._lock:
                write(text)
                stream.flush()
        except (OSError, ValueError):
            return  # a closed terminal is no reason to end the training
