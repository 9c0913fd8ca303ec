"""Print the requirements of a dependency group of pyproject.toml, one a line (older pip cannot read them)."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # mypy and pytest bring it there

GROUPS = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))[
    "dependency-groups"
]


def requirements(name: str) -> list[str]:
    """Return the requirements of a group, included groups first."""
    found: list[str] = []
    for entry in GROUPS[name]:
        found += requirements(entry["include-group"]) if isinstance(entry, dict) else [entry]
    return found


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
