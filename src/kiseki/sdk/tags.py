"""Tags of a run (I-25 … I-28)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsIndex

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.values import plain_text

TAG_CHARACTERS_MAX = 64


class Tags(tuple[str, ...]):
    """A tuple to which a list, a tuple or one tag can be added: `run.tags += ["new"]` (I-27)."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tags:
        return Tags((*self, *([other] if isinstance(other, str) else other)))

    def __mul__(self, count: SupportsIndex) -> Tags:
        return self


def checked_tags(tags: Any) -> list[str]:
    """Return tags as a list without repetitions; a bare string is one tag (I-28).

    Raises:
        UsageTypeError, UsageValueError: not text, or not of 1–64 characters.
    """
    if isinstance(tags, str):
        tags = [tags]
    if not isinstance(tags, Iterable):
        raise UsageTypeError(f"tags must be a list of text, got {tags!r}")
    found: dict[str, None] = {}
    for tag in tags:
        tag = plain_text("a tag", tag)
        if not 1 <= len(tag) <= TAG_CHARACTERS_MAX:
            raise UsageValueError(f"a tag has 1 to {TAG_CHARACTERS_MAX} characters, got {tag!r}")
        found[tag] = None
    return list(found)
