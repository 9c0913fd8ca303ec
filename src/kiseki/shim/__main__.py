"""`python -m kiseki.shim SCRIPT …`: as `python SCRIPT …`, where `import wandb` means Kiseki.

It becomes that Python, with the shim's folder in `PYTHONPATH`; so `-m MODULE`, `-c TEXT` and every other
option of `python` work as they do there, and nothing of this process is left in the way.
"""

from __future__ import annotations

import os
import sys

from kiseki.shim import activate

USAGE = """usage: python -m kiseki.shim SCRIPT [ARGUMENT …]
       python -m kiseki.shim -m MODULE [ARGUMENT …]

Runs a script that says `import wandb`; what it logs goes to Kiseki."""


def main(arguments: list[str]) -> int:
    """Become the Python that the arguments ask for; return only if they ask for nothing."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    activate()
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
