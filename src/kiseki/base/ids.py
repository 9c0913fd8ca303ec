"""Random names, drawn from the operating system so that no seeded generator is touched (T-08).

Straight from `os.urandom`: the modules `secrets` and `uuid` cost 10 ms of `import kiseki` (they load OpenSSL).
"""

from __future__ import annotations

import os

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def run_id() -> str:
    """Return 8 random characters of `[a-z0-9]` (I-19)."""
    number = int.from_bytes(os.urandom(16), "little")  # so much larger than 36**8 that none is favoured
    characters = []
    for _ in range(8):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def stream_id() -> str:
    """Return a new stream id: 32 random hex digits."""
    return os.urandom(16).hex()
