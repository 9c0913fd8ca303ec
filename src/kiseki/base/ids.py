"""Random names, drawn from the operating system so that no seeded generator is touched (T-08)."""

from __future__ import annotations

import secrets
import uuid

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def run_id() -> str:
    """Return 8 random characters of `[a-z0-9]` (I-19)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def stream_id() -> str:
    """Return a new stream id: 32 hex digits (a random UUID)."""
    return uuid.uuid4().hex
