"""The bytes of every record kind and of a journal are fixed (see README.md)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kiseki.journal.reader import read_journal
from kiseki.record import codec
from kiseki.record.frame import Damage, read_at
from kiseki.record.types import Kind
from tests.golden.generate import HERE, as_hex, frames, wanted
from tests.golden.samples import CREATED_US, OLD, SAMPLES, SHAPES, STREAM, kind_of
from tests.unit.record.strategies import exact

ROOT = HERE.parent.parent


def stored(name: str) -> bytes:
    return bytes.fromhex((HERE / "record" / f"{name}.hex").read_text())


def test_every_kind_has_a_sample_and_every_file_an_entry() -> None:
    assert {kind_of(record) for record in SAMPLES.values()} == set(Kind)
    assert {path.stem for path in (HERE / "record").glob("*.hex")} == set(SAMPLES)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in OLD])
def test_today_writes_these_bytes(name: str) -> None:
    assert as_hex(frames()[name]) == as_hex(stored(name))


@pytest.mark.parametrize("name", list(SAMPLES))
def test_today_reads_these_bytes(name: str) -> None:
    data = stored(name)
    found = read_at(data, 0)
    assert found is not None and found[1] == len(data)
    record = codec.Decoder(SHAPES).decode(found[0])
    assert exact(record) == exact(SAMPLES[name])
    assert type(record) is type(SAMPLES[name])


def test_a_journal() -> None:
    path = HERE / "journal" / "run.kslog"
    assert path.read_bytes() == wanted()[path]
    journal = read_journal(path)
    assert journal.header is not None
    assert (journal.header.stream, journal.header.created_us) == (STREAM, CREATED_US)
    decoder = codec.Decoder()
    assert [exact(decoder.decode(frame)) for frame in journal] == list(map(exact, SAMPLES.values()))
    assert (journal.damage, journal.missing, journal.torn_bytes) == ([], [], 0)


def test_a_damaged_journal() -> None:  # reliability 2.2
    path = HERE / "journal" / "damaged.kslog"
    journal = read_journal(path)
    decoder = codec.Decoder()
    found = [exact(decoder.decode(frame)) for frame in journal]
    names = [name for name in SAMPLES if name not in ("row", "finish")]
    assert found == [exact(SAMPLES[name]) for name in names]
    start = (HERE / "journal" / "run.kslog").read_bytes().index(stored("row"))
    assert journal.damage == [
        Damage(start, start + len(stored("row")), "checksum or length does not match")
    ]
    assert journal.missing == [(list(SAMPLES).index("row"), list(SAMPLES).index("row") + 1)]
    assert journal.torn_bytes == len(stored("finish")) - 5


def test_the_generator_refuses_to_overwrite() -> None:
    before = {path: path.stat().st_mtime_ns for path in wanted()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.generate"],
        cwd=Path(ROOT),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path: path.stat().st_mtime_ns for path in wanted()} == before
