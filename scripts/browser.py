"""See that there is a Chromium for the browser tests; install Debian's where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main() -> int:
    if shutil.which("chromium"):
        return 0
    if not shutil.which("apt-get") or os.geteuid() != 0:
        print(
            "The browser tests need Chromium as `chromium` on the PATH. Please install it.",
            file=sys.stderr,
        )
        return 1
    print("installing Chromium for the browser tests …", file=sys.stderr)
    quiet = {
        "stdout": subprocess.DEVNULL,
        "env": dict(os.environ, DEBIAN_FRONTEND="noninteractive"),
    }
    subprocess.run(["apt-get", "update", "-qq"], check=True, **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=True, **quiet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
