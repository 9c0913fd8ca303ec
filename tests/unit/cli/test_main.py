"""The console script itself: help, exit codes, messages (reliability §6)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kiseki.base.version import __version__
from kiseki.cli import output
from kiseki.cli.main import COMMANDS
from tests.unit.cli.command import called, kiseki


def test_help_names_every_command() -> None:
    done = kiseki("--help")
    assert done.status == 0
    assert all(name in done.out for name in COMMANDS)
    assert kiseki("--version").out == f"kiseki {__version__}\n"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_and_json(name: str) -> None:
    path = [name] if name != "admin" else [name, "create-key"]
    done = kiseki(*path, "--help")
    assert done.status == 0
    assert "--json" in done.out


def test_help_loads_no_command() -> None:
    code = (
        "import sys; import kiseki; before = set(sys.modules);"
        "from kiseki.cli.main import run; run(['--help']);"
        "late = {m for m in set(sys.modules) - before if m.startswith(('kiseki.', 'numpy'))};"
        "print(sorted(late - {'kiseki.cli', 'kiseki.cli.main', 'kiseki.cli.output'}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [["nope"], ["show"], ["show", "--nope", "x"], ["ls", "--limit", "0"], ["admin", "link"]],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    done = kiseki(*arguments)
    assert (done.status, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) <= 4 and all(line.startswith("kiseki: ") for line in lines)
    assert lines[0].endswith("[KSK-CLI-601]")
    assert "--help" in lines[-1]


def test_a_server_that_is_not_there_ends_with_1() -> None:
    env = {"KISEKI_BASE_URL": "http://127.0.0.1:1"}
    done = kiseki("ls", env=env)
    assert (done.status, done.out) == (1, "")
    assert "http://127.0.0.1:1" in done.err and "[KSK-NET-102]" in done.err
    said = kiseki("ls", "--json", env=env)
    assert said.status == 1
    assert said.document["error"]["code"] == "KSK-NET-102"


def test_every_code_is_named_once() -> None:
    codes = re.findall(r"KSK-CLI-\d+", output.__doc__ or "")
    used = {output.WRONG_USAGE, output.ABSENT, output.NO_RUN, output.NOTHING, output.OTHER}
    assert set(codes) == used and len(codes) == len(used)


ESCAPES = "\x1b]0;title\x07 \x1b[2K\u202e"


class _Hostile(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_health = self.path.endswith("health")
        body = json.dumps({"status": "ok"} if is_health else {"detail": ESCAPES, "code": "x"})
        self.send_response(200 if is_health else 418)
        self.send_header(
            "Content-Type", "application/json" if is_health else "application/problem+json"
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_what_a_server_says_does_not_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """reliability 5.6: text of a server is not trusted."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hostile) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("KISEKI_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("KISEKI_API_KEY", "x" * 50)
        for command in (["ls"], ["status"], ["pull", "e/p/r"]):
            done = called(*command)
            said = done.out + done.err
            assert "title" in said, command
            assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", said), command
        server.shutdown()
