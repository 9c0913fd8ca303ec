"""A process that forks training sessions on request, so that each starts, dies and is gone in milliseconds.

One JSON line in, one out. A session is a forked child that reads the same lines until it finishes; it is a
process of its own, with a real journal, and may be killed at any time. Its uploader runs as a thread of
it (`in_thread`) or as a process.

    {"do": "begin", "in_thread": true, "init": {…}}   → {"pid": 1, "id": "…", "step": 0, "resumed": false}
    {"do": "log", "rows": [[null, {"v": 1}], [7, {"v": 2}]]}   → {"steps": [0, 7], "step": 8}
    {"do": "finish", "exit_code": 0}   → {"synced": true}
    {"do": "sync", "folder": "…"}   → {"status": 0, "said": "…"}
    {"do": "gone"}   (after a kill) → {"signal": 9}
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any

import kiseki
from kiseki.uploader.process import UploaderProcess


def receive() -> dict[str, Any]:
    """Return the next line, unbuffered: parent and children read in turns."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        line += byte
    return dict(json.loads(line))


def answer(found: dict[str, Any]) -> None:
    os.write(1, json.dumps(found).encode() + b"\n")


def session(asked: dict[str, Any]) -> None:
    """Serve one run until it finishes."""
    if asked["in_thread"]:
        begin = UploaderProcess.__init__

        def in_thread(self: UploaderProcess, *args: Any, **kwargs: Any) -> None:
            begin(self, *args, **{**kwargs, "in_thread": True})

        UploaderProcess.__init__ = in_thread  # type: ignore[method-assign]
    try:
        run = kiseki.init(**asked["init"])
    except Exception as error:
        answer({"error": type(error).__name__, "text": str(error)})
        return
    answer({"pid": os.getpid(), "id": run.id, "step": run.step, "resumed": run.resumed})
    while True:
        asked = receive()
        if asked["do"] == "log":
            steps = []
            for step, row in asked["rows"]:
                if step is None:
                    steps.append(run.step)
                    run.log(row)
                else:
                    steps.append(step)
                    run.log(row, step=step, commit=True)
            answer({"steps": steps, "step": run.step})
        else:
            run.finish(asked.get("exit_code", 0))
            answer({"summary": dict(run.summary)})
            return


def sync(folder: str) -> None:
    from kiseki.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = main(["sync", folder])
        except SystemExit as error:
            status = error.code
    answer({"status": status, "said": said.getvalue()})


def main() -> None:
    import kiseki.cli.main
    import kiseki.cli.sync
    import kiseki.sdk.registration
    import kiseki.uploader.agent  # noqa: F401  (loaded once, for all children)

    while True:
        asked = receive()
        pid = os.fork()
        if pid == 0:
            try:
                sync(asked["folder"]) if asked["do"] == "sync" else session(asked)
            except BaseException:
                import traceback

                traceback.print_exc()
            sys.stderr.flush()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            answer({"signal": os.WTERMSIG(status)})


if __name__ == "__main__":
    main()
