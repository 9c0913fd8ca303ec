"""Which names projects, runs and entities may have (I-14, I-20, ui-spec §2).

The SDK and the server ask the same question: a run recorded offline under a name that no server takes
could not be uploaded as it is.
"""

from __future__ import annotations

import re

NAME_CHARS_MAX = 128
FORBIDDEN = r"/\#?%:"
RESERVED = frozenset(
    {
        "-", "api", "graphql", "files", "artifacts", "artifactsV2", "authorize", "login", "signup",
        "invite", "claim", "teams", "settings", "admin", "search", "share", "embed", "registry", "orgs",
        "assets",
    }
)  # fmt: skip
"""First segments of addresses that mean something else: no names of entities and projects."""

BAD_CHARACTER = re.compile(r"[/\\#?%:\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def fault_of(what: str, name: str, is_segment: bool = False) -> str:
    """Return what is wrong with a name, "" if nothing is.

    Args:
        what: how the message calls it: `project`, `id`.
        is_segment: whether it may stand first in an address: of entities and projects.
    """
    if not name or name != name.strip():
        return f"{what} must not be empty, nor begin or end with a space: {name!r}"
    if len(name) > NAME_CHARS_MAX:
        return f"{what} has {len(name):,} characters; the limit is {NAME_CHARS_MAX}"
    if found := BAD_CHARACTER.search(name):
        bad, forbidden = repr(found[0])[1:-1], " ".join(FORBIDDEN)
        return f"{what} {name!r} contains {bad}; no control character and none of {forbidden} is allowed"
    if name in (".", ".."):
        return f"{what} must not be {name!r}"
    if is_segment and name in RESERVED:
        return f"{what} must not be {name!r}: that is an address of the server's own"
    return ""
