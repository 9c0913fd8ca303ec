"""`import kiseki` in a clean interpreter, beyond the interpreter itself (T-09)."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    seconds("import kiseki")  # writes the byte code
    pairs = [(seconds("pass"), seconds("import kiseki")) for _ in range(ROUNDS)]
    modules = subprocess.run(
        [sys.executable, "-c", "import sys, kiseki; print(len(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    figures = {
        "interpreter_ms": round(statistics.median(a for a, _ in pairs) * 1e3, 1),
        "import_ms": round(statistics.median(b - a for a, b in pairs) * 1e3, 1),
        "modules": int(modules),
    }
    print(json.dumps({"name": "import", "figures": figures, "goals": {"import_ms": ["<=", 100]}}))


if __name__ == "__main__":
    main()
