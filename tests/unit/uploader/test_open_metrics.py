"""OpenMetrics pages among the system metrics (§13 of the SDK's contract)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kiseki.uploader.gpu import Gpus
from kiseki.uploader.metrics import Sampler
from kiseki.uploader.open_metrics import OpenMetrics

PAGE = """\
# HELP load about the machine
# TYPE load gauge
load{core="0"} 0.5
load{core="1",note="a } b"} 1.5 1700000000
up 1
broken x
total_bytes 1e3
# EOF
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page(address: str) -> None:
    assert OpenMetrics({"node": address}).sample() == {
        "openmetrics.node.load.0": 0.5,
        "openmetrics.node.load.1": 1.5,
        "openmetrics.node.up.0": 1.0,
        "openmetrics.node.total_bytes.0": 1000.0,
    }
    only = OpenMetrics({"node": address}, [r"^node\.up$"]).sample()
    assert only == {"openmetrics.node.up.0": 1.0}
    assert OpenMetrics({"gone": "http://127.0.0.1:9/", "odd": "no address"}).sample() == {}


def test_among_the_system_metrics(address: str) -> None:  # G-06
    import os

    sample = Sampler(os.getpid(), ("/",), [0], OpenMetrics({"node": address}, ["up"])).sample()
    assert sample["openmetrics.node.up.0"] == 1.0 and "memory_percent" in sample


def test_only_some_gpus() -> None:
    class Fake(Gpus):
        def _sample_one(self, handle: object) -> dict[str, float | None]:
            return {"temp": float(str(handle))}

    gpus = Fake([1])
    gpus._handles = ["40", "50"]
    assert gpus.sample() == {"gpu.1.temp": 50.0}
