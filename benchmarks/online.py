"""A script against a live server: how long `init` and `finish` take, what 20,000 rows cost the whole process
tree, and how soon after `log()` a row can be read over the API.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from _server import server, workplace

import kiseki

SCRIPT = """
import json, resource, sys, time
import kiseki
began = time.perf_counter()
run = kiseki.init(project="online")
ready = time.perf_counter()
for i in range(int(sys.argv[1])):
    run.log({f"metric/{k}": i / (k + 1) for k in range(10)})
logged = time.perf_counter()
run.finish()
done = time.perf_counter()
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = [usage.ru_utime + usage.ru_stime for usage in used]
print(json.dumps([ready - began, done - logged, *cpu]))
"""
SCRIPTS = 9
ROWS = 20_000
LOOKS = 20


def script(rows: int) -> list[float]:
    command = [sys.executable, "-c", SCRIPT, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def seconds_until_readable() -> list[float]:
    """Log single rows to an idle run and ask for them until they are there."""
    found = []
    with kiseki.init(project="online") as run, kiseki.Api() as api:
        for i in range(LOOKS):
            time.sleep(0.4)
            began = time.perf_counter()
            run.log({"i": i})
            url = f"/api/v1/projects/{run.entity}/{run.project}/runs/{run.id}/history"
            while not api._client.get_msgpack(url, {"min_step": i})["rows"]:
                time.sleep(0.002)
            found.append(time.perf_counter() - began)
    return found


def main() -> None:
    with workplace() as folder, server(folder):
        script(10)  # the first run of a fresh server makes the project
        short = [script(10) for _ in range(SCRIPTS)]
        init, finish = ([took[i] * 1e3 for took in short] for i in (0, 1))
        own, children = min((script(ROWS)[2:] for _ in range(3)), key=sum)
        readable = [value * 1e3 for value in seconds_until_readable()]
    figures = {
        "init_ms": round(statistics.median(init), 1),
        "init_least_ms": round(min(init), 1),
        "finish_ms": round(statistics.median(finish), 1),
        "cpu_20000_rows_trainer_s": round(own, 2),
        "cpu_20000_rows_uploader_s": round(children, 2),
        "cpu_20000_rows_tree_s": round(own + children, 2),
        "readable_median_ms": round(statistics.median(readable), 1),
        "readable_worst_ms": round(max(readable), 1),
    }
    goals = {
        "init_ms": ["<=", 30],
        "cpu_20000_rows_tree_s": ["<=", 1.0],
        "readable_median_ms": ["<=", 100],
    }
    print(json.dumps({"name": "online", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
