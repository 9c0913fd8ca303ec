"""History files: killed writers, versions, how many are open, what a drop gives back."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kiseki.errors import Busy, UnsupportedVersion
from kiseki.storage.embedded import compactor, history_file
from kiseki.storage.embedded.history_file import MIGRATIONS, HistoryFile, HistoryFiles
from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Line, Range
from tests.contract.stream_writer import StreamWriter
from tests.unit.storage.appender import STREAMS

ROOT = Path(__file__).parents[3]


def kill_while_appending(folder: Path, seconds: float) -> list[int]:
    """Run the appender until it is killed with SIGKILL; return the rows it acknowledged last."""
    command = [sys.executable, "-m", "tests.unit.storage.appender", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = process.stdout.readline()
        killer = threading.Timer(seconds, process.kill)
        killer.start()
        for line in process.stdout:
            if line.endswith("\n"):
                last = line
        killer.join()
    return [int(word) for word in last.split()]


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_loses_nothing_acknowledged_and_doubles_nothing(seed: int, tmp_path: Path) -> None:
    """reliability 2.3, 2.4: also in the middle of a compaction."""
    rng = random.Random(seed)
    for _ in range(4):
        acknowledged = kill_while_appending(tmp_path, rng.uniform(0.02, 0.8))
        assert len(acknowledged) == STREAMS
        with sqlite3.connect(tmp_path / "1.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        store = EmbeddedSeries(tmp_path)
        for segment, rows in enumerate(acknowledged):
            stored = store.rows(1, [segment])[segment]
            assert stored >= rows
            steps = np.arange(stored)
            for path in ("x", "y"):
                (points,) = store.points(1, path, [Range(segment)])
                assert np.array_equal(points.steps, steps)
                assert np.array_equal(points.values, steps.astype(np.float64))
            scanned, _ = store.scan(1, Range(segment), limit=stored + 1)
            assert [row.values for _, row in scanned] == [[float(i), i] for i in range(stored)]
            assert [stat.count for stat in store.keys(1, [segment])[segment]] == [stored] * 2
            assert store.lines(1, segment)[1] == stored // 20
        store.close()


def test_columns_of_an_unfinished_compaction_are_cleaned_up(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "1.db")
    with file.write() as db:
        db.execute("INSERT INTO stale DEFAULT VALUES")
        db.execute("INSERT INTO chunk_data (id, numbers) VALUES (7, x'00')")
        db.execute("INSERT INTO chunk VALUES (1,1,7,0,0,0,0,0,0,0,0,0,0,0)")
    file.close()
    store = EmbeddedSeries(tmp_path)
    store.applied(1, {"a": 0})
    store.compact(1)
    store.close()
    with sqlite3.connect(tmp_path / "1.db") as db:
        for table in ("stale", "chunk", "chunk_data"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    db.close()


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made beside its place and moved there: a start that was cut short leaves nothing to trip over."""
    path = tmp_path / "1.db"
    with monkeypatch.context() as context:
        context.setattr(history_file, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE broken ("))
        with pytest.raises(sqlite3.OperationalError):
            HistoryFile(path)
    assert not path.exists()
    (tmp_path / "1.db.new").write_bytes(b"half a file")
    (tmp_path / "1.db.new-wal").write_bytes(b"of another attempt")
    file = HistoryFile(path)
    with file.read() as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert db.execute("PRAGMA page_size").fetchone() == (history_file.PAGE_BYTES,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
    assert [found.name for found in tmp_path.glob("1.db*")] == ["1.db"]


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "1.db") as db:
        db.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(UnsupportedVersion, match="upgrade"):
        HistoryFile(tmp_path / "1.db")


def test_a_full_disk_stores_nothing_and_harms_nothing(tmp_path: Path) -> None:
    store = EmbeddedSeries(tmp_path)
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(0, {"x": 1})])])
    with store._files.use(1) as file:
        assert file is not None
        with file.write() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count={pages}")
        large = writer.batch(1, [(1, {"x": random.Random(0).randbytes(100_000).hex()})])
        with pytest.raises(OSError, match="full"):
            store.append(1, [large])
        assert store.rows(1, [1]) == {1: 1}
        assert store.cursor(1, "a") == large.first
        with file.write() as db:
            db.execute(f"PRAGMA max_page_count={pages + 1000}")
        store.append(1, [large])
    assert store.rows(1, [1]) == {1: 2}
    store.close()


def test_few_files_stay_open(tmp_path: Path) -> None:
    files = HistoryFiles(tmp_path, files_max=3)
    for project in range(10):
        with files.use(project, create=True):
            pass
    assert len(files._open) == 3
    with files.use(0) as file:
        assert file is not None
        with file.read() as db:
            assert db.execute("SELECT count(*) FROM batch").fetchone() == (0,)
    with files.use(99) as file:
        assert file is None
    assert files.projects() == list(range(10))
    files.close()


def test_a_removal_waits_for_readers(tmp_path: Path) -> None:
    files = HistoryFiles(tmp_path)
    with files.use(1, create=True):
        remover = threading.Thread(target=files.remove, args=(1,))
        remover.start()
        remover.join(0.05)
        assert remover.is_alive()
        assert files.path(1).exists()
    remover.join()
    assert not list(tmp_path.glob("*.db*"))
    files.close()


def test_dropped_space_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compactor, "VACUUM_PAGES", 8)
    monkeypatch.setattr(compactor, "VACUUM_PAGES_MIN", 8)
    store = EmbeddedSeries(tmp_path)
    rng = np.random.default_rng(0)
    for segment in range(4):
        writer = StreamWriter(f"s{segment}")
        noise = rng.normal(size=5000).tolist()
        rows = [(step, {"x": value, "y": -value}) for step, value in enumerate(noise)]
        store.append(1, [writer.batch(segment, rows)])
        store.applied(1, {writer.name: writer.next})
    store.compact(1, idle=True)
    with store._files.use(1) as file:
        assert file is not None
        _, before = file.free_pages()
        store.drop(1, [0, 1, 2])
        store.compact(1, idle=True)
        free, after = file.free_pages()
        assert free <= max(8, after // 8)
        assert after < before * 2 // 3
    assert len(store.points(1, "x", [Range(3)])[0].steps) == 5000
    store.close()


def test_short_pieces_are_merged_into_larger_row_chunks(tmp_path: Path) -> None:
    store = EmbeddedSeries(tmp_path)
    writer = StreamWriter("a")
    for start in range(0, 6400, 100):
        store.append(1, [writer.batch(1, [(start + i, {"x": i}) for i in range(100)])])
        store.applied(1, {"a": writer.next})
        store.compact(1, idle=True)
    with store._files.use(1) as file:
        assert file is not None
        with file.read() as db:
            counts = [
                count for (count,) in db.execute("SELECT count FROM row_chunk ORDER BY arrival")
            ]
            kept = db.execute("SELECT count(*) FROM chunk").fetchone()[0]
    assert sum(counts) == 6400
    assert len(counts) <= 8
    assert kept == len(counts)
    store.close()


def test_wide_rows_are_written_in_several_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compactor, "WRITE_COLUMNS", 50)
    monkeypatch.setattr(compactor, "CHUNK_ROWS", 64)
    store = EmbeddedSeries(tmp_path)
    writer = StreamWriter("a")
    rows = [(i, {f"k{k}": i * k if k % 2 else i / 7 for k in range(230)}) for i in range(200)]
    store.append(1, [writer.batch(1, rows)])
    before, _ = store.scan(1, Range(1))
    store.applied(1, {"a": writer.next})
    assert store.compact(1) == 1
    assert repr(store.scan(1, Range(1))[0]) == repr(before)
    assert len(store.keys(1, [1])[1]) == 230
    store.close()


def test_few_rows_of_very_many_keys_stay_a_batch(tmp_path: Path) -> None:
    store = EmbeddedSeries(tmp_path)
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(0, {f"k{k}": k / 7 for k in range(2000)})])])
    store.applied(1, {"a": writer.next})
    assert store.compact(1, idle=True) == 0
    assert len(store.keys(1, [1])[1]) == 2000
    assert store.points(1, "k7", [Range(1)])[0].values.tolist() == [1.0]
    store.close()


def test_appends_go_on_while_a_compaction_encodes(tmp_path: Path) -> None:
    """The writer's lock is free but for short transactions: appends are acknowledged meanwhile."""
    store = EmbeddedSeries(tmp_path)
    a, b = StreamWriter("a"), StreamWriter("b")
    rows = [(i, {f"k{k}": i / (k + 7) for k in range(400)}) for i in range(1000)]
    for start in range(0, 1000, 100):
        store.append(1, [a.batch(1, rows[start : start + 100])])
    store.applied(1, {"a": a.next})
    compaction = threading.Thread(target=store.compact, args=(1,), kwargs={"idle": True})
    compaction.start()
    meanwhile = 0
    while compaction.is_alive():
        store.append(1, [b.batch(2, [(meanwhile, {"x": 1.0})])])
        meanwhile += 1
        time.sleep(0)
    assert meanwhile > 3
    assert store.rows(1, [2]) == {2: meanwhile}
    store.close()


def test_a_file_of_version_1_keeps_its_console(tmp_path: Path) -> None:
    """Lines that were stored without their writer stay where they are; new ones do not replace them."""
    with sqlite3.connect(tmp_path / "1.db") as db:
        db.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version=1;")
        db.execute("INSERT INTO stream VALUES (1, 'a', 1)")
        db.execute("INSERT INTO segment VALUES (1, 1, 0, 1)")
        db.execute("INSERT INTO line VALUES (1, 0, 'stdout', 0, 5, 'old')")
    db.close()
    store = EmbeddedSeries(tmp_path)
    store.append(1, [StreamWriter("b").batch(1, [], lines=[Line("stdout", 0, 6, "new")])])
    assert store.lines(1, 1) == (
        [(0, Line("stdout", 0, 5, "old")), (1, Line("stdout", 0, 6, "new"))],
        2,
    )
    store.close()


def test_who_reads_ends_when_the_store_closes(tmp_path: Path) -> None:
    store = EmbeddedSeries(tmp_path)
    writer = StreamWriter("a")
    store.append(1, [writer.batch(1, [(step, {"x": 0.5})]) for step in range(40)])
    reading = store.replay(1, Range(1))
    assert len(next(reading).steps) > 0
    closing = threading.Thread(target=store.close)
    closing.start()
    while not next(iter(store._files._open.values())).is_closing:
        time.sleep(0.001)
    with pytest.raises(Busy, match="stopping"):
        next(reading)
    closing.join(30)
    assert not closing.is_alive()
