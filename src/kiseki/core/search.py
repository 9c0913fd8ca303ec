"""What is found across projects by name, and alerts of one's own runs: bounded, and only what one may see."""

from __future__ import annotations

from dataclasses import dataclass

from kiseki.base.clock import wall_us
from kiseki.core.projects import ListedProject, Projects
from kiseki.core.query import filters
from kiseki.core.rights import Principal
from kiseki.errors import Invalid
from kiseki.storage.filters import Word
from kiseki.storage.interface import AlertEntry, MetaStore, Run

TEXT_CHARS_MAX = 200
FOUND_MAX = 50
PROJECTS_MAX = 50  # whose runs are looked through, latest activity first
ALERT_PROJECTS_MAX = 500  # latest activity first


@dataclass(frozen=True, slots=True)
class Found:
    """`is_complete`: there is nothing more that matches."""

    projects: list[ListedProject]
    runs: list[Run]
    is_complete: bool


def find(
    meta: MetaStore, projects: Projects, who: Principal, text: str, limit: int, user: str = ""
) -> Found:
    """Return projects and runs that `who` may see and that hold every word of a text, the latest first.

    Of a project its path is searched; of a run its name, id, tags and notes.

    Raises:
        Invalid: no text, a very long one, or a bad limit.
    """
    words = text.split()
    if not words or len(text) > TEXT_CHARS_MAX:
        raise Invalid(f"`q` is a text of 1 to {TEXT_CHARS_MAX} characters", code="text")
    if not 1 <= limit <= FOUND_MAX:
        raise Invalid(f"`limit` is a number from 1 to {FOUND_MAX}", code="page")
    visible = projects.visible(who)
    named = [one for one in visible if _has(f"{one.entity}/{one.name}", words)]
    where = filters.both([Word(word) for word in words])
    runs: list[Run] = []
    matching = 0
    for project in visible[:PROJECTS_MAX]:
        _, count, found = meta.find_runs(
            project.number, where, (), user=user, now_us=wall_us(), limit=limit
        )
        runs += found[: limit - len(runs)]
        matching += count
        if matching > limit:
            break
    is_complete = len(named) <= limit and matching <= limit and len(visible) <= PROJECTS_MAX
    return Found(named[:limit], runs, is_complete)


def alerts(meta: MetaStore, projects: Projects, who: Principal, limit: int) -> list[AlertEntry]:
    """Return the latest alerts of the runs of `who`, latest first. Raises Invalid."""
    if not 1 <= limit <= FOUND_MAX:
        raise Invalid(f"`limit` is a number from 1 to {FOUND_MAX}", code="page")
    looked = [project.number for project in projects.visible(who)[:ALERT_PROJECTS_MAX]]
    return meta.alerts(looked, user=who.user.name, limit=limit)


def _has(name: str, words: list[str]) -> bool:
    lower = name.lower()
    return all(word.lower() in lower for word in words)
