"""Which names people may give: entities, projects, run ids (I-14, I-20)."""

from __future__ import annotations

import re

from kiseki.errors import Invalid

NAME_CHARS_MAX = 128
FORBIDDEN = frozenset("/\\#?%:")
RESERVED = frozenset(
    {
        "-", "api", "graphql", "files", "artifacts", "artifactsV2", "authorize", "login", "signup",
        "settings", "admin", "search", "share", "embed", "registry", "orgs", "assets",
    }
)  # fmt: skip
"""First segments of addresses that mean something else."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _check(what: str, name: str) -> None:
    if not name or name != name.strip():
        raise Invalid(f"{what} {name!r} is empty or has blanks around it", code="name")
    if len(name) > NAME_CHARS_MAX:
        raise Invalid(
            f"{what} {name[:40]!r}… is longer than {NAME_CHARS_MAX} characters", code="name"
        )
    if _UNPRINTABLE.search(name) or not FORBIDDEN.isdisjoint(name):
        raise Invalid(
            f"{what} {name!r} contains a control character or one of / \\ # ? % :", code="name"
        )
    if name in (".", ".."):
        raise Invalid(f"{what} {name!r} is not a name", code="name")


def check_entity(name: str) -> None:
    """Raise Invalid if a user or team cannot be called so."""
    _check("the entity", name)
    if name in RESERVED:
        raise Invalid(f"the entity name {name!r} is reserved", code="name")


def check_project(name: str) -> None:
    """Raise Invalid if a project cannot be called so."""
    _check("the project", name)
    if name in RESERVED:
        raise Invalid(f"the project name {name!r} is reserved", code="name")


def check_run_id(id: str) -> None:
    """Raise Invalid if a run cannot have this id."""
    _check("the run id", id)


def to_entity(name: str) -> str:
    """Return the nearest allowed entity name: for users named after an operating system's."""
    tame = "".join(
        "-" if character in FORBIDDEN or _UNPRINTABLE.match(character) else character
        for character in name.strip()
    )[:NAME_CHARS_MAX].strip()
    return "user" if not tame.strip(".-") or tame in RESERVED else tame
