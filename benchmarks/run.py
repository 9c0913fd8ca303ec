"""Run every benchmark of this folder and write one result file.

    python benchmarks/run.py [NAME …] [--out FILE]

Each benchmark is a script that prints one JSON object as its last line:
`{"name": …, "figures": {name: number}, "goals": {name: [">=" | "<=", number]}}`. The result file holds them
with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(script: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return {"name": script.stem, "error": done.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def reached(value: float, goal: list[object]) -> bool:
    relation, limit = goal
    return value <= float(str(limit)) if relation == "<=" else value >= float(str(limit))


def show(result: dict[str, object]) -> None:
    print(f"\n{result['name']}")
    if "error" in result:
        print(f"  failed: {result['error']}")
        return
    goals = result.get("goals", {})
    for name, value in result["figures"].items():  # type: ignore[attr-defined]
        goal = goals.get(name)  # type: ignore[attr-defined]
        mark = "" if goal is None else f"   goal {goal[0]} {goal[1]:,}"
        if goal is not None and isinstance(value, (int, float)):
            mark += "   reached" if reached(value, goal) else "   NOT REACHED"
        print(
            f"  {name:<44} {value:>14,}{mark}"
            if isinstance(value, (int, float))
            else f"  {name}: {value}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    scripts = sorted(
        p for p in HERE.glob("*.py") if p.stem not in ("run", "fill") and p.stem[0] != "_"
    )
    results = []
    for script in scripts:
        if args.names and script.stem not in args.names:
            continue
        results.append(run(script))
        show(results[-1])
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=HERE,
        check=False,
    ).stdout.strip()
    document = {
        "commit": commit,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "cpu": platform.machine(),
        },
        "results": results,
    }
    out = args.out or HERE / "results" / f"local-{commit}.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\nwritten to {out}")


if __name__ == "__main__":
    main()
