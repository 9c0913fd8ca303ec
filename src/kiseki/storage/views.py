"""What `core` may ask of the store about views: how people arranged a project's pages.

A view's document is kept once per content and project, whichever views, versions and drafts hold it.
Each call is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MINE = "mine"  # slug of the view that everybody has of their own


@dataclass(frozen=True, slots=True)
class Doc:
    """A document: its digest (SHA-256), its bytes as they are stored, and how long it is unpacked."""

    digest: bytes
    data: bytes
    size: int


@dataclass(frozen=True, slots=True)
class View:
    """A view without its document. `owner` is the number of a user, `owner_name` its name."""

    number: int
    project: int
    slug: str
    name: str
    owner: int
    owner_name: str
    is_shared: bool
    is_default: bool
    version: int
    created_us: int
    edited_us: int
    edited_by: str
    deleted_us: int | None = None


@dataclass(frozen=True, slots=True)
class ViewVersion:
    """A document that a view once held."""

    version: int
    time_us: int
    by: str
    size: int


class ViewStore(Protocol):
    """Views and drafts. Thread-safe; durable when a call returns."""

    def views(self, project: int, user: int) -> list[View]:
        """Return the views of a project that are shared or a user's own, not the deleted ones, by name."""
        ...

    def view(self, project: int, slug: str, user: int) -> View | None:
        """Return a view, deleted or not, whoever owns it; as `mine` the user's own one."""
        ...

    def view_doc(self, view: int, version: int) -> bytes | None: ...

    def view_versions(self, view: int) -> list[ViewVersion]:
        """Return the versions that are kept, newest first."""
        ...

    def add_view(
        self,
        project: int,
        slug: str,
        name: str,
        owner: int,
        doc: Doc,
        now_us: int,
        *,
        is_shared: bool,
        limit: int,
    ) -> View:
        """Make a view of version 1, its slug made unique by a number behind it.

        Raises:
            Conflict: code `views`: there are `limit` of them already, shared, or the owner's.
        """
        ...

    def save_view(
        self,
        project: int,
        slug: str,
        user: int,
        base_version: int,
        doc: Doc,
        now_us: int,
        *,
        by: str,
        keep: int,
    ) -> View:
        """Give a view a new version; the same document again makes none.

        `mine` is made by the first one (`base_version` 0), and comes back from being deleted. Of the versions
        before the last `keep` one a day stays.

        Raises:
            NotFound: there is no such view.
            Conflict: code `edited`, with its `version`: that is not `base_version`.
        """
        ...

    def edit_view(self, number: int, columns: Mapping[str, Any]) -> None:
        """Change `name`, `is_shared`, `is_default` or `deleted_us`. There is one default of what is shared,
        and one of what is each person's own: making another one takes the place of the first.
        """
        ...

    def add_draft(self, project: int, doc: Doc, user: int, until_us: int, *, keep: int) -> None:
        """Keep a document until then; of each user the youngest `keep`."""
        ...

    def draft(self, project: int, digest: bytes, now_us: int) -> bytes | None: ...

    def drop_old_views(self, deleted_before_us: int, now_us: int) -> int:
        """Forget views that were deleted before then, and drafts whose time is over; return how many."""
        ...
