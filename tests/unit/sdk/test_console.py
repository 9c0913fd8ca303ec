"""Console lines (G-01, G-02)."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.record.types import Console
from kiseki.sdk import console as console_module
from kiseki.sdk.console import Capture, ConsoleLog, LineLog
from kiseki.sdk.terminal import Terminal


class Lines:
    """A `LineLog` on a clock of the test; `shown` is what a reader sees."""

    def __init__(self) -> None:
        self.now = 0.0
        self.records: list[Console] = []
        self.kept: list[str] = []
        self.log = LineLog("stdout", self.records.append, self.kept.append, lambda: self.now)

    @property
    def shown(self) -> list[str]:
        by_line = {record.line: record.text for record in self.records}
        assert sorted(by_line) == list(range(len(by_line)))
        return [by_line[line] for line in sorted(by_line)]


def test_lines() -> None:
    lines = Lines()
    lines.log.feed("one\ntw")
    lines.log.feed("o\n\nthree\r\n")
    lines.log.feed("no end")
    lines.log.close()
    lines.log.close()
    assert lines.shown == lines.kept == ["one", "two", "", "three", "no end"]


def test_progress_bars_collapse() -> None:
    lines = Lines()
    for i in range(1000):
        lines.now += 0.01
        lines.log.feed(f"\r{i / 10:.1f} %")
    lines.log.feed("\rdone\nnext\n")
    assert lines.shown == lines.kept == ["done", "next"]
    assert len(lines.records) <= 10 / console_module.REDRAW_SECONDS + 3
    lines.log.feed("100 %\r")  # the other habit: the return comes last
    lines.log.feed("200 %\r\n")
    assert lines.shown[-1] == "200 %"


def test_long_lines_and_odd_text() -> None:
    lines = Lines()
    lines.log.feed("x" * 200_000 + "\n\ud800\n\x1b[31mred\x1b[0m\x00\n")
    assert len(lines.shown[0]) < 66_000 and "more characters" in lines.shown[0]
    assert lines.shown[1:] == ["\ufffd", "\x1b[31mred\x1b[0m\x00"]


@given(st.text(alphabet="ab\n", max_size=60), st.data())
def test_lines_do_not_depend_on_how_they_were_written(text: str, data: st.DataObject) -> None:
    whole, parts = Lines(), Lines()
    whole.log.feed(text)
    rest = text
    while rest:
        at = data.draw(st.integers(1, len(rest)))
        parts.log.feed(rest[:at])
        parts.now += 0.3
        rest = rest[at:]
    for lines in (whole, parts):
        lines.log.close()
    assert whole.kept == parts.kept == whole.shown == parts.shown


def own_streams(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Called in the test, not a fixture: pytest puts its own streams in place between the two."""
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    return out, err


def test_capture_tells_and_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = own_streams(monkeypatch)
    handler = logging.StreamHandler(err)  # holds the stream from before
    told: list[tuple[str, str]] = []
    capture = Capture()

    def sink(name: str, text: str) -> None:
        told.append((name, text))
        if text == "reenter":
            print("inner")

    capture.add(sink)
    print("hello")
    handler.emit(logging.LogRecord("n", 20, "f", 1, "logged", None, None))
    Terminal().say("of kiseki")  # not the script's words
    sys.stdout.write("reenter")
    assert "".join(text for name, text in told if name == "stdout") == "hello\nreenterinner\n"
    assert "".join(text for name, text in told if name == "stderr") == "logged\n"
    capture.remove(sink)
    print("after")
    assert "write" not in vars(out) and not any("after" in text for _, text in told)
    assert out.buffer.getvalue() == b"hello\nreenterinner\nafter\n"
    assert b"of kiseki" in err.buffer.getvalue()


def test_two_runs_hear_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    own_streams(monkeypatch)
    capture, first, second = Capture(), [], []  # type: ignore[var-annotated]
    one, two = (lambda n, t: first.append(t)), (lambda n, t: second.append(t))
    capture.add(one)
    print("a")
    capture.add(two)
    print("b")
    capture.remove(one)
    print("c")
    capture.remove(two)
    assert "".join(first) == "a\nb\n" and "".join(second) == "b\nc\n"


def test_somebody_elses_wrapper_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = own_streams(monkeypatch)
    told: list[str] = []
    capture = Capture()
    sink = lambda name, text: told.append(text)  # noqa: E731
    capture.add(sink)
    ours = out.write
    out.write = lambda text: ours(text.upper())
    capture.remove(sink)
    print("still there")
    assert out.buffer.getvalue() == b"STILL THERE\n" and not told


def test_output_log(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    log = ConsoleLog(lambda record: None, str(path), strict=True)
    assert not path.exists()
    log.feed("stdout", "a\npart")
    log.feed("stderr", "b\n")
    log.close()
    assert path.read_text() == "a\nb\npart\n"


def test_names_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().say("run \x1b[2Jevil\r\x00 of\nproject\u202e 😀 é\n")
    assert capsys.readouterr().err == "kiseki: run [2Jevil of\nkiseki: project 😀 é\n"
