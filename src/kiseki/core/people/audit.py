"""The audit log: who let whom in, changed rights or deleted something (reliability 5.12). Append-only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from kiseki.base.clock import wall_us
from kiseki.core.rights import Principal
from kiseki.storage.interface import MetaStore
from kiseki.storage.people import AuditEntry as AuditEntry

PAGE_MAX = 1_000

Action = Literal[
    "signed-in", "sign-in-failed", "signed-out", "signed-up", "password-changed", "link-made",
    "profile-changed", "user-made", "admin-given", "admin-taken", "user-disabled", "user-enabled",
    "key-made", "key-first-used", "key-revoked",
    "team-made", "team-deleted", "service-made", "role-changed", "member-removed", "member-left",
    "invite-made", "invite-withdrawn", "joined", "anonymous-made", "claimed", "run-deleted",
    "run-restored", "run-purged", "runs-deleted", "runs-restored", "view-shared", "view-unshared",
    "view-deleted", "view-restored", "artifact-deleted", "artifact-expired",
    "collection-deleted",
]  # fmt: skip


class Audit:
    """Writes and shows the log. No entry ever holds a secret, or a name that no user has."""

    def __init__(self, meta: MetaStore, now_us: Callable[[], int] = wall_us) -> None:
        self._meta = meta
        self._now_us = now_us

    def note(self, user: str, action: Action, object: str = "", via: str = "") -> None:
        """Append an entry.

        Args:
            user: who did it.
            object: to whom or what.
            via: how they were let in: `session`, `key ksk_…`, `password`, `link`, `command line`.
        """
        self._meta.add_audit(AuditEntry(0, self._now_us(), user, action, object, via))

    def by(self, who: Principal, action: Action, object: str = "") -> None:
        """Append what somebody did who is signed in."""
        self.note(who.user.name, action, object, who.way)

    def by_each(self, who: Principal, action: Action, objects: Sequence[str]) -> None:
        """Append what somebody did to each of several things at once."""
        now = self._now_us()
        name, via = who.user.name, who.way
        if objects:
            self._meta.add_audit(
                *(AuditEntry(0, now, name, action, object, via) for object in objects)
            )

    def entries(self, after: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """Return a page of the log, youngest first, that goes on after entry number `after`."""
        return self._meta.audit(after, max(1, min(limit, PAGE_MAX)))
