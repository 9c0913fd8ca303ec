"""Random names, drawn from the operating system so that no seeded generator is touched (T-08).

Straight from `os.urandom`: `secrets` and `uuid` load OpenSSL, 10 ms of `import kiseki`.
"""

from __future__ import annotations

import os

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def run_id() -> str:
    """Return 8 random characters of `[a-z0-9]` (I-19)."""
    # So much larger than 36**8 that no id is favoured.
    number = int.from_bytes(os.urandom(16), "little")
    characters = []
    for _ in range(8):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def stream_id() -> str:
    """Return a new stream id: 32 random hex digits."""
    return os.urandom(16).hex()
