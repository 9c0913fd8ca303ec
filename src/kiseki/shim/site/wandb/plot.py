"""`wandb.plot`: the plots of Kiseki."""

from __future__ import annotations

from typing import Any

import kiseki


def __getattr__(name: str) -> Any:
    return getattr(kiseki.plot, name)
