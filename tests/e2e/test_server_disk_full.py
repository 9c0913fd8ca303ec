"""A full disk under the server: 507, nothing acknowledged is lost, and it goes on when there is room."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiseki.record import codec, frame
from kiseki.record.types import Kind
from tests.e2e.raw_client import Connection, RawStream
from tests.e2e.test_server_kill import audit
from tests.fakes.live_server import FIRST_KEY, LiveServer


def mount(*options: str) -> bool:
    return subprocess.run(["mount", *options], capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = mount("-t", "tmpfs", "-o", "size=4m,mode=700", "kiseki-test", str(folder))
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_survived(small_disk: Path, tmp_path: Path) -> None:
    """reliability §3 (server disk full), 2.4."""
    server = LiveServer(small_disk / "server")
    server.log = tmp_path / "server.log"
    server.start()
    connection = Connection(server.url, FIRST_KEY)
    stream = RawStream(connection, "r1")
    dice = random.Random(7)
    try:
        stream.send_all(dice)
        status, answer, step = 200, None, 0
        while status == 200:
            assert step < 200_000, "the disk never got full"
            stream.add_rows(range(step, step + 2_000))
            step += 2_000
            # Rows compress well; this does not.
            noise = codec.encode_value({"set": {"noise": dice.randbytes(200_000).hex()}})
            stream.frames.append(frame.pack(int(Kind.SUMMARY), len(stream.frames), noise))
            status, answer = stream.post(stream.acknowledged, len(stream.frames))
            if status == 200:
                stream.acknowledged = answer["next"]
        assert (status, answer["code"]) == (507, "full"), answer
        assert connection.ask("GET", "/-/health") == (200, {"status": "ok"})
        status, _ = stream.post(stream.acknowledged, len(stream.frames))
        assert status == 507
        status, answer = connection.ask("GET", f"/api/v1/streams/{stream.id}")
        assert (status, answer["next"]) == (200, stream.acknowledged)
        # A kill now and a start on the full disk: what was acknowledged is there.
        server.kill()
        connection.close()
        assert mount("-o", "remount,size=64m", str(small_disk))
        server.start()
        status, answer = connection.ask("GET", f"/api/v1/streams/{stream.id}")
        assert (status, answer["next"]) == (200, stream.acknowledged)
        while stream.acknowledged < len(stream.frames):
            status, answer = stream.post(stream.acknowledged, len(stream.frames))
            assert status == 200, answer
            stream.acknowledged = answer["next"]
        assert audit(connection, stream, step) == (0, 0)
    finally:
        connection.close()
        server.kill()
