"""Passwords: how they are kept (argon2id), and which are refused (reliability 5.5)."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from kiseki.core.people.common_words import KEYBOARD_ROWS, WORDS
from kiseki.errors import Busy, Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

CHARS_MIN = 12
CHARS_MAX = 512
PIECES_MIN = 8  # of what is left of a password when everything guessable in it counts as one
MEMORY_KIB = 64 * 1024
PASSES = 3
AT_ONCE_MAX = 2  # 64 MiB each
WAITING_MAX = 8  # each occupies a worker thread


class Passwords:
    """Hashes and compares passwords, a few at a time. Slow on purpose: never call it in the event loop."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._memory_kib = memory_kib
        self._passes = passes
        self._running = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._places = threading.BoundedSemaphore(AT_ONCE_MAX + WAITING_MAX)

    def hash(self, password: str) -> str:
        """Return what is stored of a password. Raises Busy."""
        with _Turn(self):
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether a password is the stored one; takes as long where none is stored. Raises Busy."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with _Turn(self):
            try:
                is_right = self._hasher.verify(stored or self._nobodys, password[:CHARS_MAX])
            except (VerificationError, InvalidHashError):
                return False
            return is_right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher  # the start of the server does not wait for it

        return PasswordHasher(self._passes, self._memory_kib, parallelism=1)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody has this password")


class _Turn:
    """Waits for memory; refuses when too many wait already."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    def __enter__(self) -> None:
        if not self._passwords._places.acquire(blocking=False):
            raise Busy("too many people sign in right now", code="busy", retry_after=2)
        self._passwords._running.acquire()

    def __exit__(self, *_: object) -> None:
        self._passwords._running.release()
        self._passwords._places.release()


def check_password(password: str, name: str = "") -> None:
    """Raise Invalid, code `password`, if one should not have this password.

    Args:
        name: of the user, which must not be what it is made of.
    """
    if len(password) < CHARS_MIN:
        raise Invalid(f"a password has {CHARS_MIN} characters or more", code="password")
    if len(password) > CHARS_MAX:
        raise Invalid(f"a password has at most {CHARS_MAX} characters", code="password")
    if pieces(password, name) < PIECES_MIN:
        raise Invalid(
            "this password is too easy to guess: it is made of common words, repetitions or sequences. "
            "Take a few unrelated words, or let a password manager make one",
            code="password",
        )


def pieces(password: str, name: str = "") -> int:
    """Return how many pieces a guesser has to put together: a common word, a sequence (`2345`, `edcb`,
    `asdf`), a repetition of something before, and any other character are one each.

    Common passwords of 12 characters and more are such compositions: a list of them would be longer and
    still miss `Dragon2024!!`.
    """
    text = _plain(password)
    words = WORDS | {_plain(name)} if len(name) >= 3 else WORDS
    at = count = 0
    while at < len(text):
        at += max(
            1,
            *(len(word) for word in words if text.startswith(word, at)),
            _sequence(text, at),
            _repetition(text, at),
        )
        count += 1
    return count


def _plain(text: str) -> str:
    """Return a text as a guesser reads it: `P@ssw0rd` is `password`."""
    return text.casefold().translate(_LOOKALIKES)


_LOOKALIKES = str.maketrans("@$", "as") | {ord("0"): "o"}


def _sequence(text: str, at: int) -> int:
    """Return the length of the run of neighbours that begins here, 0 if shorter than 3."""
    longest = 0
    for row in KEYBOARD_ROWS:
        place = row.find(text[at])
        for step in (1, -1):
            length = 1
            while (
                place >= 0
                and at + length < len(text)
                and 0 <= place + step * length < len(row)
                and text[at + length] == row[place + step * length]
            ):
                length += 1
            longest = max(longest, length if place >= 0 else 0)
    return longest if longest >= 3 else 0


def _repetition(text: str, at: int) -> int:
    """Return how much of the text from here on stands somewhere before, 0 if less than 2 characters."""
    length = 0
    while at + length < len(text) and text[at : at + length + 1] in text[: at + length]:
        length += 1
    return length if length >= 2 else 0
