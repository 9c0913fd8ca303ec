"""What artifacts, their aliases and tags may be called, and what may be said of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from kiseki.errors import Invalid, TooLarge

NAME_CHARS_MAX = 128
ALIASES_MAX = 100  # in one request
TEXT_BYTES_MAX = 1024 * 1024  # of a description, of metadata

_NAME = re.compile(r"[\w.-]+( *[\w.-]+)*")
_VERSION = re.compile(r"v\d+")


def check_collection(name: str, what: str = "name") -> str:
    """Return a name of a collection or type. Raises Invalid."""
    if len(name) > NAME_CHARS_MAX or not _NAME.fullmatch(name):
        raise Invalid(
            f"an artifact's {what} has up to {NAME_CHARS_MAX} letters, digits, `-`, `_` and `.`: "
            f"{name[:150]!r}",
            code=what,
        )
    return name


def check_many(names: Sequence[str]) -> list[str]:
    if len(names) > ALIASES_MAX:
        raise Invalid(f"{len(names):,} names; the limit is {ALIASES_MAX}", code="aliases")
    return list(names)


def check_alias(alias: str) -> None:
    """Raise Invalid for what cannot be an alias: it holds `/` or `:`, or is a version's own name."""
    if not 0 < len(alias) <= NAME_CHARS_MAX or "/" in alias or ":" in alias:
        raise Invalid(
            f"an alias has up to {NAME_CHARS_MAX} characters and no `/` or `:`: {alias[:150]!r}",
            code="aliases",
        )
    if _VERSION.fullmatch(alias):
        raise Invalid(f"{alias!r} is how a version is called, and no alias", code="aliases")


def check_tags(tags: Sequence[str]) -> None:
    for tag in check_many(tags):
        if not 0 < len(tag) <= NAME_CHARS_MAX:
            raise Invalid(f"a tag has 1 to {NAME_CHARS_MAX} characters", code="tags")


def check_text(what: str, text: str) -> str:
    """Return a text as it is kept. Raises TooLarge; Invalid: metadata that is no JSON object."""
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        raise TooLarge(f"the {what} has more than {TEXT_BYTES_MAX:,} bytes", code=what)
    if what == "metadata" and text:
        try:
            is_object = isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            is_object = False
        if not is_object:
            raise Invalid("`metadata` is a JSON object", code=what)
    return text


def retagged(tags: Sequence[str], add: Sequence[str], drop: Sequence[str]) -> list[str]:
    check_tags([*add, *drop])
    return [tag for tag in dict.fromkeys([*tags, *add]) if tag not in drop]
