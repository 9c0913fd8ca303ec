"""The package as a whole: what importing it loads, what it offers, what it depends on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HEAVY = [
    "alembic",
    "argon2",
    "http.client",
    "numpy",
    "psutil",
    "sqlalchemy",
    "sqlite3",
    "starlette",
    "uvicorn",
    "yaml",
]


def test_import_is_light() -> None:  # T-09
    code = f"import sys, kiseki; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_dependencies_are_the_decided_ones() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", text, re.S | re.M)
    assert block is not None
    names = re.findall(r'"([A-Za-z0-9_.-]+?)[>=<~!\[ ]', block[1])
    assert names == [
        "msgspec",
        "zstandard",
        "psutil",
        "numpy",
        "starlette",
        "uvicorn",
        "SQLAlchemy",
        "alembic",
        "argon2-cffi",
        "PyYAML",
        "click",
        "graphql-core",
    ]


def test_no_module_hides_a_public_name() -> None:
    """A late `import kiseki.log` would replace the function `kiseki.log` with the module."""
    code = "import kiseki, json; print(json.dumps(sorted(kiseki.__all__)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    public = set(re.findall(r'"(\w+)"', done.stdout))
    package = ROOT / "src" / "kiseki"
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {"init", "log", "finish", "config", "summary"} <= public
    assert modules & public <= {"errors"}
