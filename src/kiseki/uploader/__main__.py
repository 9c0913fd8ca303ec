"""`python -m kiseki.uploader FOLDER`, and `--adopt BASE_URL`. The protocol: `docs/ARCHITECTURE.md`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

LOCK_WAIT_S = 10.0


def main(argv: list[str]) -> int:
    """Serve a run folder, or take in the folders of the registry; return the exit code."""
    if len(argv) == 2 and argv[0] == "--adopt":
        from kiseki.uploader.adopt import adopt

        return adopt(argv[1])
    if len(argv) not in (1, 3, 5) or argv[0].startswith("-"):
        print("usage: python -m kiseki.uploader FOLDER | --adopt BASE_URL", file=sys.stderr)
        return 2
    # The starter tells who it is: it may be dead by now; and it opened the files: they may be deleted.
    parent, pidfd = (int(argv[1]), int(argv[2])) if len(argv) > 1 else (os.getppid(), -1)
    return serve(Path(argv[0]), parent, pidfd, [Path(f"/proc/self/fd/{fd}") for fd in argv[3:]])


def serve(folder: Path, parent: int, pidfd: int, held: list[Path]) -> int:
    """Be the uploader of a folder: life line on standard input, events on standard output."""
    from kiseki.uploader.agent import Agent, Held, lock_folder, start_lifeline
    from kiseki.uploader.death import Watch

    # The parent decides when it is over, by closing the life line; a scheduler that signals the whole
    # group must not cost the rows that are on their way.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        lock = lock_folder(folder, LOCK_WAIT_S)  # `sync` may be at the files in it
    except FileNotFoundError:
        lock = -1  # deleted: nobody else can find it
    if lock is None:
        print(f"kiseki: another uploader serves {folder}", file=sys.stderr)
        return 1
    # Events go through a private descriptor: a stray print must not break the protocol.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    writing = threading.Lock()

    def emit(event: dict[str, object]) -> None:
        try:
            with writing:
                events.write(json.dumps(event) + "\n")
        except OSError:
            pass  # nobody listens any more

    agent = Agent(folder, emit, Watch(parent, pidfd), Held(*held) if held else None)
    start_lifeline(agent, sys.stdin)
    agent.run()
    # The life line thread may still be reading; there is nothing to wait for.
    with contextlib.suppress(OSError):  # the log stands on a full disk
        sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
