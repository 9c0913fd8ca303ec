"""What `make run` shows: a server, three live training runs of a real model, and the address to look at.

Runs until Ctrl-C. Everything it makes lies in `.run/` below the checkout (`--data` for another folder); the
API key goes to the user's credential file, so that a script of your own logs here as well.
"""

from __future__ import annotations

import argparse
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

ROOT = Path(__file__).resolve().parent.parent
TRIALS = [
    ["--name", "wide", "--hidden", "128", "--lr", "0.1", "--seed", "1"],
    ["--name", "narrow", "--hidden", "16", "--lr", "0.05", "--seed", "2"],
    ["--name", "slow-learner", "--hidden", "64", "--lr", "0.005", "--seed", "3"],
]
START_SECONDS_MAX = 30
END_SECONDS_MAX = 20


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(
                f"the server ended with exit code {server.returncode}; its message stands above"
            )
        try:
            with urllib.request.urlopen(f"{address}/-/ready", timeout=1) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.1)
    sys.exit(f"the server did not answer on {address} within {START_SECONDS_MAX} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=7500)
    parser.add_argument("--data", type=Path, default=ROOT / ".run")
    parser.add_argument("--rate", type=float, default=20, help="training steps per second")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--project", default="digits")
    args = parser.parse_args()

    if not port_is_free(args.port):
        sys.exit(f"port {args.port} is taken; another one: make run PORT={args.port + 1}")
    address = f"http://127.0.0.1:{args.port}"
    args.data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "kiseki", "server", "--port", str(args.port)]
    command += ["--data", str(args.data / "server")]
    # Children have sessions of their own, so that Ctrl-C reaches this script alone, which ends the training
    # before the server: the last rows find it alive.
    server = subprocess.Popen(command, start_new_session=True)
    trials: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        wait_until_ready(address, server)
        # One thread a run: three runs that each ask for all cores only get in one another's way.
        env = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        env.update(KISEKI_BASE_URL=address, KISEKI_DIR=str(args.data))
        for trial in TRIALS:
            command = [
                sys.executable,
                str(ROOT / "examples" / "digits.py"),
                "--project",
                args.project,
            ]
            command += ["--rate", str(args.rate), "--steps", str(args.steps), *trial]
            log = (args.data / f"{trial[1]}.log").open("wb")
            trials.append(
                subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
            )
        seconds = args.steps / args.rate
        length = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
        print(f"Three runs are training for about {length}. Open the link above.", flush=True)
        print("Ctrl-C ends the server; what was logged stays in", args.data, flush=True)
        while server.poll() is None:
            time.sleep(0.5)
        sys.exit(f"the server ended with exit code {server.returncode}")
    except KeyboardInterrupt:
        print()
    finally:
        end(trials, signal.SIGINT)
        end([server], signal.SIGTERM)


def end(processes: list[subprocess.Popen[bytes]], how: signal.Signals) -> None:
    """Ask processes to end, wait, and insist if they do not."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(how)
    for process in processes:
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
