"""How a process ended, as its uploader sees it at the moment the life line closes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import struct
import time
from typing import NamedTuple

from kiseki.record.types import Open

_EXIT_CODE_FIELD = 52  # of /proc/<pid>/stat: the status that wait() would give

# ioctl PIDFD_GET_INFO of Linux 6.15 and later, `struct pidfd_info` in its first size.
_PIDFD_INFO = struct.Struct("<QQ11Ii")
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_PIDFD_INFO_EXIT = 1 << 3


class Ending(NamedTuple):
    """State for the `End` record, the cause in words, and the exit code if there was one."""

    state: str
    cause: str
    exit_code: int | None


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not merely waiting to be reaped."""
    state = _stat(pid)
    if state is not None:
        return state[2] not in ("Z", "X", "x")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not os.path.exists("/proc/self/stat")


def started_us(pid: int) -> int:
    """Return when a process was started, in Unix microseconds (to 10 ms); 0 if that cannot be told."""
    fields = _stat(pid)
    if fields is None:
        return 0
    try:
        with open("/proc/stat", encoding="ascii") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
        return int((boot + int(fields[21]) / os.sysconf("SC_CLK_TCK")) * 1e6)
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


def is_dead(opened: Open) -> bool:
    """Return whether the writer process surely does not run any more. False for another host's."""
    if opened.host and opened.host != socket.gethostname():
        return False
    if not opened.pid:
        return False
    if not is_running(opened.pid):
        return True
    began = started_us(opened.pid)
    # The number may have been given to another process since.
    return bool(
        began and opened.process_started_us and abs(began - opened.process_started_us) > 5_000_000
    )


class Watch:
    """Remembers a process from while it lives, to tell later how it ended.

    Linux sets the wait status before it closes the files of a dying process, so `/proc` shows it while
    the process is on its way out and while it is a zombie. Once its parent has reaped it, newer kernels
    still tell it through a descriptor taken before. Elsewhere the cause is unknown.
    """

    def __init__(self, pid: int, pidfd: int = -1) -> None:
        self.pid = pid
        self._pidfd = pidfd
        if pidfd < 0 and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._pidfd = os.pidfd_open(pid)

    def ending(self, wait_s: float = 0.3) -> Ending:
        """Return how the process ended; call it right after its life line closed."""
        deadline = time.monotonic() + wait_s
        while True:
            fields = _stat(self.pid)
            if fields is None:
                status = self._reaped_status()
                if status is None:
                    return Ending("crashed", "the process disappeared", None)
                return _describe(status)
            status = int(fields[_EXIT_CODE_FIELD - 1]) if len(fields) >= _EXIT_CODE_FIELD else 0
            if status or fields[2] in ("Z", "X", "x"):
                return _describe(status)
            if time.monotonic() > deadline:
                return Ending("crashed", "the process let go of the run without finishing it", None)
            time.sleep(0.01)

    def _reaped_status(self) -> int | None:
        if self._pidfd < 0:
            return None
        asked = bytearray(_PIDFD_INFO.pack(_PIDFD_INFO_EXIT, *[0] * 13))
        try:
            fcntl.ioctl(self._pidfd, _PIDFD_GET_INFO, asked)
        except OSError:  # an older kernel
            return None
        mask, *_, status = _PIDFD_INFO.unpack(asked)
        return int(status) if mask & _PIDFD_INFO_EXIT else None


def _describe(status: int) -> Ending:
    number = status & 0x7F
    if number:
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        state = "killed" if number == signal.SIGTERM else "crashed"
        return Ending(state, f"killed by {name} (signal {number})", None)
    code = status >> 8 & 0xFF
    return Ending("crashed", f"the process called os._exit({code})", code)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat, the first at index 0; None without such a process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    # The name, second field, may hold spaces and brackets.
    head, _, tail = text.rpartition(")")
    return [head.partition(" ")[0], head, *tail.split()]
