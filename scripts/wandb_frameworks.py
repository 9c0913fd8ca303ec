"""Try training libraries that log through the official `wandb` client, unmodified, against a Kiseki server.

    python scripts/wandb_frameworks.py [--folder DIR] [--only WORD]

Makes an environment of them (some GB; kept in the folder), and runs tests/compat/test_wandb_frameworks.py
with its interpreter. A library that pip cannot install here is left out, and its test skipped.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENT = "wandb==0.31.0"
LIBRARIES = (
    "torch==2.13.0",
    "transformers",
    "accelerate",
    "lightning",
    "keras",
    "tensorflow-cpu",  # the client's callbacks for Keras import it, whatever backend is used
    "xgboost",
    "lightgbm",
    "scikit-learn",
    "pandas",
    "pillow",
    "matplotlib",
    "tensorboard",
    "stable-baselines3",
)


def environment(folder: Path) -> Path:
    """Return the interpreter of an environment that holds the libraries."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, CLIENT], check=True)
    for library in LIBRARIES:
        if subprocess.run([*pip, library]).returncode:
            print(f"{library}: pip cannot install it here", file=sys.stderr)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the environment is, or shall be")
    parser.add_argument("--only", default="", help="the tests whose name holds this")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        python = environment(args.folder or Path(name))
        tests = [sys.executable, "-m", "pytest", "tests/compat/test_wandb_frameworks.py"]
        tests += ["-m", "slow", "-k", args.only, "-rs", "-v"]
        env = {**os.environ, "KISEKI_FRAMEWORKS_PYTHON": str(python)}
        sys.exit(subprocess.run(tests, cwd=ROOT, env=env).returncode)


if __name__ == "__main__":
    main()
