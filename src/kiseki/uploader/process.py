"""The training process's side of its uploader: start it, keep it alive, talk to it.

Importable without loading what only the uploader needs (HTTP, psutil).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

RESPAWNS_MAX = 5
RESPAWN_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0)
KILL_S = 1.0  # for a killed process to be gone
ANSWER_GRACE_S = 2.0  # for the answer to `finish` beyond its own timeout: it may hang in a request

Event = dict[str, Any]

# Run with -S and -E: processing site-packages costs more than the rest of the start. The folders that
# hold our packages come last, so that a script's `select.py` beside them shadows nothing. The package itself
# is a bare one: its `__init__` loads the training side, a third of what the uploader would load.
_BOOTSTRAP = (
    "import sys, types; package = sys.modules['kiseki'] = types.ModuleType('kiseki'); "
    "package.__path__ = [sys.argv.pop()]; sys.path += sys.argv.pop().split('\\n'); "
    "from kiseki.uploader.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGES = ("kiseki", "msgspec", "zstandard", "psutil", "pynvml")


class UploaderProcess:
    """An uploader beside this process, as a process of its own or (fallback) as a thread.

    All methods may be called from any thread. In a forked child they do nothing.

    Args:
        folder: run folder with `settings.json`.
        on_event: called in a thread of this object with every event but `progress` and `done`
            while nobody waits for them; must not raise.
        in_thread: run the loop in a daemon thread; also chosen when no process can be started.
        key: API key for a process; "" = as the environment and the credentials file say. It goes by the
            environment: it must not stand in the run folder or in a command line.
        variables: of the environment of a process, beside those of this one.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        on_event: Callable[[Event], None] | None = None,
        in_thread: bool = False,
        key: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._variables = dict(variables or {})
        if key:
            self._variables["KISEKI_API_KEY"] = key
        self.folder = Path(folder).absolute()
        self.respawns = 0
        self.in_thread = in_thread
        self._on_event = on_event or (lambda event: None)
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._agent: Any = None
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._is_alive = False
        self._finish_by: float | None = None
        self._is_finishing = False
        self._done: Event | None = None
        self._progress: list[Event] = []
        self._abandoned: object = None
        self._changed = threading.Condition(self._lock)
        _processes.add(self)

    @property
    def pid(self) -> int | None:
        """Process id of the uploader; None in thread mode or before `start`."""
        process = self._process
        return process.pid if process is not None else None

    @property
    def is_alive(self) -> bool:
        """Whether an uploader serves the folder now."""
        return self._is_alive and os.getpid() == self._owner

    def start(self) -> UploaderProcess:
        """Start it (a fraction of a millisecond; it gets ready by itself); return self."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        if not self.in_thread:
            try:
                self._spawn()
            except OSError:  # no processes allowed here, or none left
                self.in_thread = True
        if self.in_thread:
            self._run_thread()
        return self

    def send(self, command: Event) -> None:
        """Send one command, for example `{"do": "flush"}`; without an uploader it is lost."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self._agent is not None:
                self._agent.inbox.put(command)
            elif self._process is not None and self._process.stdin is not None:
                try:
                    self._process.stdin.write(json.dumps(command) + "\n")
                    self._process.stdin.flush()
                except (OSError, ValueError):
                    pass  # it just died; the monitor starts another one and repeats `finish`

    def finish(
        self,
        timeout: float | None = 60.0,
        on_progress: Callable[[Event], None] | None = None,
    ) -> Event:
        """Have everything sent; return the `done` event.

        Args:
            timeout: seconds of trying; None or 0: for ever.
            on_progress: called in this thread with `{"sent", "total"}`.

        Returns:
            `{"synced": bool, "pending": records not on the server, "lingers": bool}`; `pending` is -1 if no
            uploader is left to ask; with `refused`, the reason, if the server will never take the run. One
            that lingers has sent the run and still captures the environment.
        """
        if os.getpid() != self._owner:
            return {"event": "done", "synced": False, "pending": -1}
        now = time.monotonic()
        deadline = now + timeout if timeout else float("inf")
        with self._changed:
            self._finish_by, self._is_finishing = deadline, True
            self._send_finish()
            while self._done is None and self._is_alive:
                left = deadline + ANSWER_GRACE_S - time.monotonic()
                if left <= 0:
                    break
                # Short waits, so that Ctrl-C is heard on every platform (reliability 1.6).
                self._changed.wait(min(left, 0.2))
                if self._progress and on_progress is not None:
                    on_progress(self._progress.pop())
                    self._progress.clear()
            return self._done or {"event": "done", "synced": False, "pending": -1}

    def _send_finish(self) -> None:
        if self._finish_by is None:
            return
        left = self._finish_by - time.monotonic()
        self.send({"do": "finish", "timeout": None if left == float("inf") else max(0.1, left)})

    def close(self) -> None:
        """Let go of the uploader: it sends what is left for up to 30 s and ends by itself."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._is_closing = True
            process = self._process
            if self._agent is not None:
                self._agent.inbox.put({"do": "orphan", "ending": None})
            if process is not None and process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()

    def kill(self) -> None:
        """End the uploader at once; what it has not sent stays unsent."""
        process = self._process
        self.close()
        if process is not None and os.getpid() == self._owner:
            with contextlib.suppress(OSError):
                process.kill()
            self.wait(KILL_S)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the uploader to end after `close`; return whether it did."""
        thread = self._thread
        if thread is None or os.getpid() != self._owner:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    # Process mode

    def _spawn(self) -> None:
        with (
            open(self.folder / "logs" / "uploader.log", "ab") as log,
            _own_pidfd() as pidfd,
            _held_files(self.folder) as held,
        ):
            process = subprocess.Popen(
                _command(self.folder, pidfd, held),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                env={**os.environ, **self._variables} if self._variables else None,
                pass_fds=[*([pidfd] if pidfd >= 0 else []), *held],
                text=True,
                encoding="utf-8",
            )
        with self._lock:
            self._process, self._is_alive = process, True
            self.send({"do": "begin", "path": _search_path()})
            if self._is_finishing:
                self._send_finish()
        self._thread = threading.Thread(
            target=self._monitor, args=(process,), name="kiseki-uploader", daemon=True
        )
        self._thread.start()

    def _monitor(self, process: subprocess.Popen[str]) -> None:
        """Pass events on until the process ends; then start another one if it should not have."""
        assert process.stdout is not None
        try:
            for line in process.stdout:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                self._take(event)
        except (OSError, ValueError):
            pass
        code = process.wait()
        with self._changed:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            if os.getpid() != self._owner or process is not self._process:
                return
            self._is_alive = False
            is_over = self._is_closing or self._done is not None
            self._changed.notify_all()
            if not is_over and self.respawns < RESPAWNS_MAX:
                self._is_alive = True  # for `finish`: another one is on its way
        if not is_over:
            self._respawn(code)

    def _respawn(self, code: int) -> None:
        if self.respawns >= RESPAWNS_MAX:
            self._on_event(
                {
                    "event": "trouble",
                    "code": "KSK-UPL-502",
                    "text": (
                        f"the uploader process ended {RESPAWNS_MAX + 1} times (last exit code {code})."
                        f" [KSK-UPL-502]\n{self._what_is_kept()}"
                    ),
                }
            )
            return
        if not self.folder.exists():  # deleted before the uploader could open its journals
            self._give_up(code)
            return
        time.sleep(RESPAWN_PAUSES_S[self.respawns])
        self.respawns += 1
        if self.respawns == 1:
            self._on_event(
                {
                    "event": "trouble",
                    "code": "KSK-UPL-501",
                    "text": (
                        f"the uploader process ended unexpectedly (exit code {code}). [KSK-UPL-501]\n"
                        f"it is started again and goes on with what stands in {self.folder}."
                    ),
                }
            )
        try:
            with self._lock:
                if not self._is_closing:
                    self._spawn()
        except OSError:
            self._give_up(code)

    def _give_up(self, code: int) -> None:
        """No further uploader can be started."""
        self._on_event(
            {
                "event": "trouble",
                "code": "KSK-UPL-503",
                "text": (
                    f"the uploader process ended (exit code {code}) and cannot be started again."
                    f" [KSK-UPL-503]\n{self._what_is_kept()}"
                ),
            }
        )
        with self._changed:
            self._is_alive = False
            self._changed.notify_all()

    def _what_is_kept(self) -> str:
        if not self.folder.exists():
            return (
                f"the run folder {self.folder} was deleted: what is not on the server is lost.\n"
                "training continues and is not recorded."
            )
        return (
            f"what could be written stands in {self.folder}; see logs/uploader.log there.\n"
            f"training continues and is recorded to disk only.\n"
            f"to upload: kiseki sync {self.folder}"
        )

    def _take(self, event: Event) -> None:
        kind = event.get("event")
        if kind in ("done", "progress"):
            with self._changed:
                if kind == "done":
                    self._done = event
                else:
                    self._progress.append(event)
                self._changed.notify_all()
        else:
            self._on_event(event)

    # Thread mode

    def _run_thread(self) -> None:
        from kiseki.uploader.agent import Agent

        agent = Agent(self.folder, self._take)
        agent.inbox.put({"do": "begin", "path": sys.path})
        with self._lock:
            self._agent, self._is_alive = agent, True

        def run() -> None:
            try:
                agent.run()
            finally:
                with self._changed:
                    self._is_alive = False
                    self._changed.notify_all()

        self._thread = threading.Thread(target=run, name="kiseki-uploader", daemon=True)
        self._thread.start()

    # Fork

    def _forget(self) -> None:
        """In a forked child: let go of the pipes, so that the life line is the parent's alone."""
        process, self._process = self._process, None
        self._agent = None
        if process is not None:
            process.returncode = 0  # not ours: no wait, no warning
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # Not `close()`: it would take a lock a thread of the parent may have held.
                    with contextlib.suppress(OSError, ValueError):
                        os.close(pipe.fileno())
            self._abandoned = process  # its pipe objects must not close numbers in use by others


_processes: weakref.WeakSet[UploaderProcess] = weakref.WeakSet()


def _in_child() -> None:
    for process in list(_processes):
        process._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


@contextlib.contextmanager
def _own_pidfd() -> Iterator[int]:
    """A descriptor of this process, by which the uploader learns how it ended; -1 where there is none."""
    pidfd = -1
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            pidfd = os.pidfd_open(os.getpid())
    try:
        yield pidfd
    finally:
        if pidfd >= 0:
            os.close(pidfd)


def _search_path() -> list[str]:
    """Return `sys.path` as it is seen from another folder."""
    found = []
    for entry in sys.path:
        with contextlib.suppress(OSError):  # a relative one, and the current folder was removed
            found.append(os.path.abspath(entry))
    return found


@contextlib.contextmanager
def _held_files(folder: Path) -> Iterator[list[int]]:
    """Descriptors of `settings.json` and the writer's journal, for an uploader that finds the folder deleted.

    It needs a fraction of a second to start. Empty if the files are not there.
    """
    held: list[int] = []
    try:
        with contextlib.suppress(OSError):
            for path in (folder / "settings.json", *sorted(folder.glob("run-*.kslog"))[:1]):
                held.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        yield held if len(held) == 2 else []
    finally:
        for fd in held:
            os.close(fd)


def _command(folder: Path, pidfd: int, held: list[int]) -> list[str]:
    folders = []
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or []) if spec is not None else []
        if places:
            folders.append(os.path.dirname(os.path.abspath(places[0])))
        elif spec is not None and spec.origin:
            folders.append(os.path.dirname(os.path.abspath(spec.origin)))
    path = "\n".join(dict.fromkeys(folders))
    options = ["-S", "-E", "-s", "-P"] if sys.version_info >= (3, 11) else ["-S", "-E", "-s"]
    who = [str(os.getpid()), str(pidfd), *map(str, held)]
    return [sys.executable, *options, "-c", _BOOTSTRAP, str(folder), *who, path, _HOME]
