"""Environment variables by function, as some callbacks set them."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

ENTITY = "WANDB_ENTITY"
PROJECT = "WANDB_PROJECT"
RUN_ID = "WANDB_RUN_ID"
MODE = "WANDB_MODE"
DIR = "WANDB_DIR"
API_KEY = "WANDB_API_KEY"
BASE_URL = "WANDB_BASE_URL"

Environ = MutableMapping[str, str]


def get_entity(default: str | None = None, env: Environ | None = None) -> str | None:
    """Return the entity that the environment names."""
    return (os.environ if env is None else env).get(ENTITY, default)


def get_project(default: str | None = None, env: Environ | None = None) -> str | None:
    """Return the project that the environment names."""
    return (os.environ if env is None else env).get(PROJECT, default)


def set_entity(value: str, env: Environ | None = None) -> None:
    """Name the entity of the runs to come."""
    (os.environ if env is None else env)[ENTITY] = value


def set_project(value: str, env: Environ | None = None) -> None:
    """Name the project of the runs to come."""
    (os.environ if env is None else env)[PROJECT] = value
