"""Which names people may give: entities, projects, run ids (I-14, I-20)."""

from __future__ import annotations

from kiseki.base.names import BAD_CHARACTER, NAME_CHARS_MAX, RESERVED, fault_of
from kiseki.errors import Invalid


def _check(what: str, name: str, is_segment: bool) -> None:
    if fault := fault_of(what, name, is_segment):
        raise Invalid(fault, code="name")


def check_entity(name: str) -> None:
    """Raise Invalid if a user or team cannot be called so."""
    _check("the entity", name, is_segment=True)


def check_project(name: str) -> None:
    """Raise Invalid if a project cannot be called so."""
    _check("the project", name, is_segment=True)


def check_run_id(id: str) -> None:
    """Raise Invalid if a run cannot have this id."""
    _check("the run id", id, is_segment=False)


def to_entity(name: str) -> str:
    """Return the nearest allowed entity name: for users named after an operating system's."""
    tame = "".join(
        "-" if BAD_CHARACTER.match(character) else character for character in name.strip()
    )[:NAME_CHARS_MAX].strip()
    return "user" if not tame.strip(".-") or tame in RESERVED else tame
