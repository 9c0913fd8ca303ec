"""The tables of the first version."""

from __future__ import annotations

revision = "0001"
down_revision = None
