r"""What the script prints, as records (G-01, G-02), without changing what the terminal shows.

    print ──► stream.write (ours) ──► the stream's own write
                    └──► LineLog per run and stream: \r and \n ──► Console records, files/output.log

A line is recorded when it ends. A line that is redrawn (`\r`, progress bars) is recorded at most twice a
second, under the same number, and in its last state at the end.
"""

from __future__ import annotations

import codecs
import contextlib
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from kiseki.base.clock import wall_us
from kiseki.record.types import Console as ConsoleRecord
from kiseki.sdk.guard import Guard
from kiseki.sdk.terminal import ORIGINAL
from kiseki.sdk.values import clean_text

REDRAW_SECONDS = 0.5
LINE_CHARACTERS_MAX = 64 * 1024

Sink = Callable[[str, str], None]  # (stream name, text)


class LineLog:
    """Turns the text written to one stream into numbered lines.

    Args:
        name: `stdout` or `stderr`.
        write: takes each record.
        keep: takes each finished line, for `files/output.log`.
        label: name of the writer among those of a shared run (T-10).
    """

    def __init__(
        self,
        name: str,
        write: Callable[[ConsoleRecord], None],
        keep: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        label: str = "",
    ) -> None:
        self._name = name
        self._label = label
        self._write = write
        self._keep = keep
        self._clock = clock
        self._line = 0
        self._text = ""
        self._is_returned = False  # the cursor stands at the start of a line that has text
        self._recorded = ""
        self._recorded_at = float("-inf")

    def feed(self, text: str) -> None:
        """Take text as it was written."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._draw(line.removesuffix("\r"))
            self._end_line()
        if rest:
            self._draw(rest)
            if self._text and self._clock() - self._recorded_at >= REDRAW_SECONDS:
                self._record()

    def close(self) -> None:
        """Record the line that has no end."""
        if self._text:
            self._end_line()

    def _draw(self, text: str) -> None:
        for index, part in enumerate(text.split("\r")):
            if index:
                self._is_returned = True
            if part:
                self._text = part if self._is_returned else self._text + part
                self._is_returned = False
        if len(self._text) > LINE_CHARACTERS_MAX + 100:
            more = len(self._text) - LINE_CHARACTERS_MAX
            self._text = f"{self._text[:LINE_CHARACTERS_MAX]}… ({more:,} more characters)"

    def _end_line(self) -> None:
        if self._recorded != self._text or not self._text:
            self._record()
        self._keep(self._text)
        self._line += 1
        self._text = self._recorded = ""
        self._is_returned = False
        self._recorded_at = float("-inf")

    def _record(self) -> None:
        self._write(
            ConsoleRecord(
                stream=self._name,
                line=self._line,
                text=clean_text(self._text),
                time_us=wall_us(),
                label=self._label,
            )
        )
        self._recorded = self._text
        self._recorded_at = self._clock()


class ConsoleLog:
    """The console lines of one run: a `LineLog` per stream and `files/output.log`."""

    def __init__(
        self, write: Callable[[ConsoleRecord], None], path: str, strict: bool, label: str = ""
    ) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._strict = strict
        self._logs = {
            name: LineLog(name, write, self._keep, label=label) for name in ("stdout", "stderr")
        }

    def feed(self, name: str, text: str) -> None:
        """Take text written to `stdout` or `stderr`."""
        with Guard("recording the console", self._strict):
            self._logs[name].feed(text)

    def close(self) -> None:
        """Record what is left and close the file."""
        for log in self._logs.values():
            log.close()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _keep(self, line: str) -> None:
        with contextlib.suppress(OSError):  # the journal holds the line; this is a copy to look at
            if self._file is None:
                self._file = open(self._path, "a", encoding="utf-8", errors="replace")  # noqa: SIM115
            self._file.write(line + "\n")


class LoggerCapture:
    """Hears what loggers say, whatever their own handlers do with it (setting `capture_loggers`).

    Args:
        names: of the loggers; those below them are heard too.
        feed: takes each line, as one of stderr.
    """

    def __init__(self, names: Iterable[str], feed: Sink) -> None:
        self._loggers = [logging.getLogger(name) for name in names]
        self._handler = _Feeding(feed)
        for logger in self._loggers:
            logger.addHandler(self._handler)

    def close(self) -> None:
        """Hear them no more."""
        for logger in self._loggers:
            logger.removeHandler(self._handler)


class _Feeding(logging.Handler):
    def __init__(self, feed: Sink) -> None:
        super().__init__()
        self._feed = feed

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._feed("stderr", self.format(record) + "\n")
        except Exception:  # a message that does not fit its arguments: as every handler treats it
            self.handleError(record)


class Capture:
    """Hears what is written to `sys.stdout` and `sys.stderr` and tells every sink.

    The `write` of the stream object is replaced, not the object: whoever holds the stream already (a
    logging handler) is heard too. `close` gives the streams back as they were (G-02).
    """

    def __init__(self) -> None:
        self._sinks: list[Sink] = []
        self._lock = threading.RLock()
        self._is_feeding = False
        self._pending: deque[tuple[str, str]] = deque()
        self._taken: list[tuple[Any, Any]] = []

    def add(self, sink: Sink) -> None:
        """Tell `sink` from now on."""
        with self._lock:
            self._sinks = [*self._sinks, sink]
            if not self._taken:
                for name in ("stdout", "stderr"):
                    self._take(name, getattr(sys, name))

    def remove(self, sink: Sink) -> None:
        """Tell `sink` no more; the last one to go gives the streams back."""
        with self._lock:
            self._sinks = [other for other in self._sinks if other != sink]
            if not self._sinks:
                self._give_back()

    def after_fork(self) -> None:
        """In a forked child: forget a lock that another thread may have held."""
        self._lock = threading.RLock()
        self._is_feeding = False
        self._pending.clear()

    def _take(self, name: str, stream: Any) -> None:
        if stream is None or hasattr(stream, ORIGINAL):
            return
        original = stream.write

        def write(text: str) -> Any:
            written = original(text)
            if self._sinks and type(text) is str:
                self._tell(name, text)
            return written

        try:
            setattr(stream, ORIGINAL, original)
            stream.write = write
        except AttributeError:  # a stream that cannot be changed is not heard
            return
        self._taken.append((stream, write))

    def _give_back(self) -> None:
        for stream, write in self._taken:
            with contextlib.suppress(AttributeError):
                if (
                    stream.__dict__.get("write") is write
                ):  # else somebody wrapped ours: it stays, silent
                    del stream.write
                    delattr(stream, ORIGINAL)
        self._taken.clear()

    def _tell(self, name: str, text: str) -> None:
        with self._lock:
            self._pending.append((name, text))
            if (
                self._is_feeding
            ):  # printed while a print is recorded: by a signal handler, by __del__
                return
            try:
                self._is_feeding = True
                while self._pending:
                    told = self._pending.popleft()
                    for sink in self._sinks:
                        sink(*told)
            finally:
                self._is_feeding = False


class Redirect:
    """Hears file descriptors 1 and 2, so that child processes are caught too (`console="redirect"`).

    Each is replaced by a pipe; a thread copies what comes out of it to the real one and tells the sink.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parts: list[tuple[int, int, threading.Thread]] = []
        for fd, name in ((1, "stdout"), (2, "stderr")):
            _flush(name)
            real = os.dup(fd)
            readable, writable = os.pipe()
            os.dup2(writable, fd)
            os.close(writable)
            thread = threading.Thread(
                target=self._copy, args=(readable, real, name), name="kiseki-console", daemon=True
            )
            thread.start()
            self._parts.append((fd, real, thread))

    def close(self) -> None:
        """Give the descriptors back. A child process that still writes to a pipe keeps its reader."""
        for (fd, real, _), name in zip(self._parts, ("stdout", "stderr"), strict=True):
            _flush(name)
            os.dup2(real, fd)
        for _, real, thread in self._parts:
            thread.join(1.0)
            if not thread.is_alive():
                os.close(real)
        self._parts.clear()

    def _copy(self, readable: int, real: int, name: str) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with contextlib.suppress(OSError):
            while data := os.read(readable, 65536):
                os.write(real, data)
                self._sink(name, decode(data))
        os.close(readable)


def _flush(name: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        getattr(sys, name).flush()
