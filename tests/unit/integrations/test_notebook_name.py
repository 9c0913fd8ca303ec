"""The name of a notebook, asked of a Jupyter server (J-02)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kiseki.sdk import notebook

KERNEL = "0c9a-4711"
SESSIONS = [
    {"kernel": {"id": "another"}, "path": "other.ipynb"},
    {"kernel": {"id": KERNEL}, "path": "deep/digits.ipynb"},
]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "token secret"
        self.send_response(200 if is_known and self.path == "/lab/api/sessions" else 403)
        self.end_headers()
        self.wfile.write(json.dumps(SESSIONS).encode() if is_known else b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Jupyter server, and the folder where it and others say where they are."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        about = {
            "url": f"http://127.0.0.1:{server.server_port}/lab/",
            "token": "secret",
            "root_dir": "/home/ada",
        }
        (tmp_path / "jpserver-7.json").write_text(json.dumps(about))
        gone = {"url": "http://127.0.0.1:9/", "token": ""}
        (tmp_path / "jpserver-1.json").write_text(json.dumps(gone))
        (tmp_path / "jpserver-2.json").write_text("{")
        (tmp_path / "jpserver-3.json").write_text(json.dumps({**about, "token": "wrong"}))
        (tmp_path / "jpserver-4.json").write_text(json.dumps({"url": "file:///etc/"}))
        yield tmp_path
        server.shutdown()


def in_kernel(monkeypatch: pytest.MonkeyPatch, connection: str) -> None:
    config = {"IPKernelApp": {"connection_file": connection}}
    shell = SimpleNamespace(config=config, user_ns={})
    monkeypatch.setattr(notebook, "_shell", lambda: shell)


def test_the_server_of_the_kernel_knows(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_kernel(monkeypatch, f"/run/user/1/jupyter/kernel-{KERNEL}.json")
    assert notebook.path() == "/home/ada/deep/digits.ipynb"


@pytest.mark.parametrize("connection", ["/run/kernel-unknown.json", "", "/run/console.json"])
def test_a_kernel_that_no_server_knows(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    in_kernel(monkeypatch, connection)
    assert notebook.path() == ""


def test_outside_of_a_notebook(tmp_path: Path) -> None:
    assert notebook.path() == "" and notebook.history() == ""
    assert notebook.path("given.ipynb") == str(Path.cwd() / "given.ipynb")
