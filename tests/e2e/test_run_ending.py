"""How scripts end, and what becomes of their runs (F-20 … F-24)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from kiseki.record.types import Console, End, Finish, Row
from tests.e2e.run_scripts import folders, journal, of, only_folder, run_script, start_script
from tests.unit.sdk.recording import records_of

BEGIN = """
import atexit, os, signal, sys, threading, time
import kiseki
run = kiseki.init(project="p")
for i in range(50):
    run.log({"i": i})
print("ready", flush=True)
"""


def exit_codes() -> list[int]:
    return [record.exit_code for folder in folders() for record in of(journal(folder), Finish)]


@pytest.mark.parametrize(
    ("end", "code", "recorded"),
    [
        ("", 0, 0),
        ("raise ValueError('x')", 1, 1),
        ("sys.exit(3)", 3, 3),
        ("sys.exit()", 0, 0),
        ("sys.exit('text')", 1, 1),
        ("sys.exit(256 + 7)", 7, 7),
        ("from sys import exit as leave; leave(4)", 4, 4),
        ("try:\n    sys.exit(3)\nexcept SystemExit:\n    pass", 0, 0),
        ("try:\n    sys.exit(3)\nexcept SystemExit:\n    sys.exit(5)", 5, 5),
        ("threading.Thread(target=lambda: sys.exit(3)).start()", 0, 0),
        ("run.finish(2); sys.exit(3)", 3, 2),
        ("sys.exit = sys.exit; sys.exit(6)", 6, 6),
        ("exit(3)", 3, 3),
        ("quit(1)", 1, 1),
        ("quit()", 0, 0),
        ("try:\n    exit(3)\nexcept SystemExit:\n    pass", 0, 0),
        ("raise KeyboardInterrupt", 130, 130),
        ("class Own(BaseException): pass\nraise Own()", 1, 1),
        ("atexit.register(lambda: run.log({'i': 50}))", 0, 0),
        ("sys.excepthook = lambda *a: print('mine', file=sys.stderr)\nraise ValueError", 1, 1),
    ],
)  # fmt: skip
def test_exit_codes(end: str, code: int, recorded: int) -> None:  # F-20, F-21, F-22, F-24
    done = run_script(BEGIN + end)
    assert done.returncode in (code, -signal.SIGINT if code == 130 else code), done.stderr
    assert exit_codes() == [recorded]
    rows = of(journal(only_folder()), Row)
    assert [row.values[0] for row in rows][:50] == list(range(50))
    assert done.stdout == "ready\n"
    if "ValueError('x')" in end:
        assert "ValueError: x" in done.stderr


def test_hooks_are_given_back() -> None:
    done = run_script(
        """
        import sys, kiseki
        before = sys.excepthook, sys.exit
        quitter = type(exit).__call__
        with kiseki.init():
            assert sys.exit is not before[1] and sys.excepthook is before[0]
        assert (sys.excepthook, sys.exit) == before
        assert type(exit).__call__ is quitter and "Ctrl-D" in repr(exit)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        """.replace("import sys, kiseki", "import signal, sys, kiseki")
    )
    assert done.returncode == 0, done.stderr


def wait_for(process: Any, text: str) -> None:
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(process.stderr.read())


def ending_of(folder: Path) -> End:
    """Return the `End` that the uploader records; it takes a moment."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for path in folder.glob("uploader-*.kslog"):
            for record in of(records_of(path), End):
                return record  # type: ignore[no-any-return]
        time.sleep(0.05)
    raise AssertionError("no End was recorded")


def test_ctrl_c_fails_the_run() -> None:  # F-22
    process = start_script(BEGIN + "while True: run.log({'i': -1}); time.sleep(0.001)")
    wait_for(process, "ready")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT and "KeyboardInterrupt" in err
    records = journal(only_folder())
    assert of(records, Finish)[0].exit_code == 130
    steps = [row.step for row in of(records, Row)]
    assert len(steps) == len(set(steps))


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "os._exit(9)", "SIGSEGV"])
def test_a_killed_script_keeps_its_rows(how: str) -> None:  # F-23
    process = start_script(BEGIN + (how if "exit" in how else "time.sleep(60)"))
    wait_for(process, "ready")
    if how.startswith("SIG"):
        process.send_signal(getattr(signal, how))
    process.communicate(timeout=30)
    assert process.returncode == (9 if "exit" in how else -getattr(signal, how))
    folder = only_folder()
    assert [row.values[0] for row in of(journal(folder), Row)] == list(range(50))
    assert ending_of(folder).state in ("crashed", "killed")


def test_redirect_catches_child_processes() -> None:  # G-01
    done = run_script(
        """
        import os, kiseki
        with kiseki.init():
            print("mine", flush=True)
            os.system("echo child; echo wrong >&2")
        print("after")
        """,
        {"KISEKI_CONSOLE": "redirect", "KISEKI_SILENT": "true"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mine", "child", "after"] and done.stderr.split() == ["wrong"]
    lines = of(journal(only_folder()), Console)
    assert {(r.stream, r.text) for r in lines} == {
        ("stdout", "mine"), ("stdout", "child"), ("stderr", "wrong"),
    }  # fmt: skip


def test_a_disk_that_is_full_does_not_end_the_training() -> None:  # reliability 1.1, 2.8
    done = run_script(
        """
        import resource, time, kiseki
        from kiseki.sdk import stream
        stream.RETRY_SECONDS = 0.05
        run = kiseki.init(settings={"console": "off"})
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        for i in range(1000):
            run.log({"i": i, "text": "x" * 50})
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        time.sleep(0.1)
        run.log({"i": 1000, "text": ""})
        """
    )
    assert done.returncode == 0, done.stderr
    assert "KSK-DISK-201" in done.stderr
    assert [row.values[0] for row in of(journal(only_folder()), Row)] == list(range(1001))


def test_import_does_nothing_to_the_process() -> None:  # T-09
    done = run_script(
        """
        import os, sys, threading
        before = sys.excepthook, sys.exit, threading.active_count(), len(os.listdir("/proc/self/fd"))
        import kiseki
        assert before == (
            sys.excepthook, sys.exit, threading.active_count(), len(os.listdir("/proc/self/fd"))
        )
        assert "write" not in vars(sys.stdout) and os.listdir(".") == ["script.py"]
        """
    )
    assert done.returncode == 0, done.stderr
    assert os.listdir(".") == ["script.py"]
