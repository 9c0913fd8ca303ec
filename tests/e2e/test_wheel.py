"""The wheel carries everything: unpacked by itself it runs a server that shows the page."""

from __future__ import annotations

import gzip
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

from tests.fakes.live_server import LiveServer

ROOT = Path(__file__).parent.parent.parent


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("kiseki-*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    names = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {"kiseki/py.typed", "kiseki/server/static/index.html"} <= names
    assert any(
        name.startswith("kiseki/storage/embedded/migrations/versions/0001") for name in names
    )
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("web/", "tests/")) or ".map" in name]
    script = sum(
        len(gzip.compress(path.read_bytes()))
        for path in unpacked.glob("kiseki/server/static/**/*.js")
    )
    # Every page, panel and language, 443,600 when this was set; nobody loads all of it: what a session loads
    # is held in tests/web/test_make_run.py.
    assert script <= 457_000

    live = LiveServer(tmp_path / "server", env={"PYTHONPATH": str(unpacked)}).start()
    try:
        with urllib.request.urlopen(f"{live.url}/ada/digits", timeout=10) as answer:
            assert b"<title>" in answer.read()
        where = [sys.executable, "-c", "import kiseki; print(kiseki.__file__)"]
        said = subprocess.run(where, env=live.env, capture_output=True, text=True, check=True)
        assert said.stdout.startswith(str(unpacked))
    finally:
        live.stop()
