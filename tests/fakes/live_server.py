"""The real server in a subprocess, for tests that must kill it, restart it or look at it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

FIRST_USER = "ada"
FIRST_KEY = "ksk_testtest" + "0123456789abcdef" * 3
START_SECONDS_MAX = 30


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LiveServer:
    """`kiseki server` on a data folder; keeps its port over restarts."""

    def __init__(
        self, data: Path, port: int | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = FIRST_KEY
        self.env = dict(
            os.environ, KISEKI_FIRST_USER=FIRST_USER, KISEKI_FIRST_KEY=FIRST_KEY, **(env or {})
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"

    def start(self) -> LiveServer:
        command = [sys.executable, "-m", "kiseki", "server", "--data", str(self.data)]
        command += ["--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.03)
        raise AssertionError(f"no answer from {self.url}: {self.log.read_text()}")

    def get(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Return the JSON answer of a request made with the first user's key."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM, and return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode
