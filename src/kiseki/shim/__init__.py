"""Scripts that say `import wandb` run unchanged: `python -m kiseki.shim train.py` (N-01 … N-04).

Owns: `site/`, a folder with a package `wandb` that forwards to `kiseki`, and the metadata of a
distribution of that name. `activate` puts it at the front of `sys.path` and of `PYTHONPATH`, so that the
script, the libraries it loads and the processes it starts find it in every way that libraries look:
`find_spec`, `hasattr(wandb, "run")`, and the version of the installed distribution (N-03).

Promises: nothing is patched before `activate`; without it, an installed `wandb` is what it was.
Refuses: names that Kiseki does not have raise `AttributeError`, as in any module.

Start reading in `adapted.py`: what those scripts touch that Kiseki calls otherwise.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SITE = Path(__file__).parent / "site"


def activate() -> None:
    """Let `import wandb` mean Kiseki, here and in the processes that this one starts.

    Raises:
        RuntimeError: another `wandb` was imported already.
    """
    loaded = sys.modules.get("wandb")
    if loaded is not None and not str(getattr(loaded, "__file__", "")).startswith(str(SITE)):
        raise RuntimeError(
            f"wandb was imported already, from {loaded.__file__}; activate the shim before that, or run "
            "the script with: python -m kiseki.shim script.py"
        )
    site = str(SITE)
    if site not in sys.path:
        sys.path.insert(0, site)
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if site not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([site, *known])
