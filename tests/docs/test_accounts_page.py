"""The commands of `docs/guide/accounts.md` work as they stand, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.fakes.live_server import LiveServer
from tests.unit.cli.command import called

PAGE = Path(__file__).parent.parent.parent / "docs" / "guide" / "accounts.md"


def test_commands(own_folders: Path) -> None:
    (own_folders / "data").mkdir()
    live = LiveServer(own_folders / "data" / "server").start()
    try:
        lines = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M))
        commands = [shlex.split(line)[1:] for line in lines.splitlines()]
        assert len(commands) >= 8
        known = called("server", "--help").out
        for command in commands:
            if command[0] == "server":
                assert all(word in known for word in command if word.startswith("--")), command
                continue
            done = called(*command)
            assert done.status == 0, done.err
            assert done.out or command[1] == "teams"
    finally:
        live.stop()
