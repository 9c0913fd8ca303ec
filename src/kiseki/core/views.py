"""Saved views: how people arranged a project's pages, kept in versions; and drafts behind links.

Shared views are everybody's who may read the project, and changed by who may write to it. Others are their
owner's alone, `mine` is the one that everybody has without asking. What a view holds is for the web app to
know (`web/src/state/view-doc.ts`): here it is a JSON object that is not too large.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import zstandard

from kiseki.base.clock import wall_us
from kiseki.core.live import Live
from kiseki.core.people.audit import Action, Audit
from kiseki.core.projects import Projects
from kiseki.core.rights import Principal, Verb, check_can
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from kiseki.storage.interface import MetaStore, Project
from kiseki.storage.views import MINE, Doc
from kiseki.storage.views import View as View
from kiseki.storage.views import ViewVersion as ViewVersion

DAY_US = 24 * 3600 * 1_000_000
DOC_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 32
NAME_CHARS_MAX = 100
SLUG_CHARS_MAX = 64
VIEWS_MAX = 500  # shared ones of a project, and as many of each person
VERSIONS_MINE = 50  # kept of `mine`, and the last one of each day
VERSIONS_KEPT = 500  # …of the others
DRAFTS_MAX = 500  # of one person in one project
DRAFT_US = 30 * DAY_US
KEPT_US = 7 * DAY_US  # how long a deleted view can be restored

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Opened:
    """A view, or an earlier version of it, with its document as JSON text."""

    view: View
    doc: bytes


class Views:
    """Answers which views there are, and keeps them. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        projects: Projects,
        live: Live,
        audit: Audit,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._projects = projects
        self._live = live
        self._audit = audit
        self._now_us = now_us

    # ── reading ──

    def list(self, who: Principal, entity: str, project: str) -> list[View]:
        """Return the shared views of a project and one's own."""
        found = self._projects.find(who, entity, project)
        return self._meta.views(found.number, who.user.number)

    def open(
        self, who: Principal, entity: str, project: str, slug: str, version: int | None = None
    ) -> Opened:
        """Return a view with its document, or with that of an earlier version. Raises NotFound."""
        _, view = self._find(who, entity, project, slug)
        data = self._meta.view_doc(view.number, view.version if version is None else version)
        if data is None:
            raise NotFound(f"view {slug!r} has no version {version} any more", code="version")
        return Opened(view, _unpacked(data))

    def versions(
        self, who: Principal, entity: str, project: str, slug: str
    ) -> Sequence[ViewVersion]:
        """Return the versions of a view that are kept, newest first."""
        return self._meta.view_versions(self._find(who, entity, project, slug)[1].number)

    # ── changing ──

    def add(
        self, who: Principal, entity: str, project: str, name: str, doc: bytes, *, is_shared: bool
    ) -> View:
        """Make a view.

        Raises:
            Invalid, TooLarge: a name or document that is not allowed.
            Conflict: code `views`: there are too many.
        """
        owner = self._keeper(who, entity, project, is_shared)
        name = check_name(name)
        packed = check_doc(doc)
        view = self._meta.add_view(
            owner.number, slug_of(name), name, who.user.number, packed, self._now_us(),
            is_shared=is_shared, limit=VIEWS_MAX,
        )  # fmt: skip
        self._tell(view)
        if is_shared:
            self._note(who, "view-shared", owner, view)
        return view

    def save(
        self,
        who: Principal,
        entity: str,
        project: str,
        slug: str,
        doc: bytes,
        base_version: int,
        name: str | None = None,
    ) -> View:
        """Give a view a new version.

        Raises:
            Conflict: code `edited`: somebody else saved since `base_version`; `version` is where it is now.
        """
        if slug == MINE:
            owner = self._keeper(who, entity, project, is_shared=False)
        else:
            owner, _ = self._find(who, entity, project, slug, "write")
        if name is not None and slug != MINE:
            name = check_name(name)
        before = self._meta.view(owner.number, slug, who.user.number)
        saved = self._meta.save_view(
            owner.number, slug, who.user.number, base_version, check_doc(doc), self._now_us(),
            by=who.user.name, keep=VERSIONS_MINE if slug == MINE else VERSIONS_KEPT,
        )  # fmt: skip
        if name is not None and slug != MINE and name != saved.name:
            self._meta.edit_view(saved.number, {"name": name})
            saved = self._again(saved, who)
        if saved != before:
            self._tell(saved)
        return saved

    def edit(
        self,
        who: Principal,
        entity: str,
        project: str,
        slug: str,
        *,
        name: str | None = None,
        is_shared: bool | None = None,
        is_default: bool | None = None,
    ) -> View:
        """Rename a view, share it or not, make it the default: the project's if shared, else one's own."""
        owner, view = self._find(who, entity, project, slug, "write")
        if slug == MINE and (name is not None or is_shared):
            raise Invalid(
                "`mine` is nobody else's and has no other name; save it as a view of its own to share it",
                code=MINE,
            )
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = check_name(name)
        if is_shared is not None and is_shared != view.is_shared:
            if is_shared:
                check_can(who, "write", entity, f"project {entity}/{project}", project)
            elif view.owner != who.user.number:
                raise Forbidden(
                    f"only {view.owner_name}, whose view it is, may take it from the others; who may write "
                    "to the project may delete it",
                    code="role",
                )
            changes |= {"is_shared": is_shared, "is_default": False}
        if is_default is not None:
            changes["is_default"] = is_default
        if not changes:
            return view
        self._meta.edit_view(view.number, changes)
        edited = self._again(view, who)
        self._tell(view, edited)
        if edited.is_shared != view.is_shared:
            self._note(who, "view-shared" if edited.is_shared else "view-unshared", owner, view)
        return edited

    def delete(self, who: Principal, entity: str, project: str, slug: str) -> None:
        """Delete a view; it can be restored for 7 days."""
        owner, view = self._find(who, entity, project, slug, "write")
        self._meta.edit_view(view.number, {"deleted_us": self._now_us()})
        self._tell(view)
        if view.is_shared:
            self._note(who, "view-deleted", owner, view)

    def restore(self, who: Principal, entity: str, project: str, slug: str) -> View:
        """Bring a deleted view back; it is no default any more."""
        owner, view = self._find(who, entity, project, slug, "write", deleted=True)
        if view.deleted_us is None:
            return view
        if view.deleted_us < self._now_us() - KEPT_US:
            raise Conflict(f"view {slug!r} was deleted more than 7 days ago", code="purged")
        self._meta.edit_view(view.number, {"deleted_us": None, "is_default": False})
        self._tell(view)
        if view.is_shared:
            self._note(who, "view-restored", owner, view)
        return self._again(view, who)

    # ── drafts ──

    def add_draft(self, who: Principal, entity: str, project: str, doc: bytes) -> str:
        """Keep a document for 30 days; return its id, the same for the same document."""
        owner = self._keeper(who, entity, project, is_shared=False)
        packed = check_doc(doc)
        until = self._now_us() + DRAFT_US
        self._meta.add_draft(owner.number, packed, who.user.number, until, keep=DRAFTS_MAX)
        return base64.urlsafe_b64encode(packed.digest).decode().rstrip("=")

    def draft(self, who: Principal, entity: str, project: str, id: str) -> bytes:
        """Return the document of a draft as JSON text. Raises NotFound."""
        owner = self._projects.find(who, entity, project)
        digest = _digest(id)
        data = self._meta.draft(owner.number, digest, self._now_us()) if digest else None
        if data is None:
            raise NotFound(
                "this link's layout was kept for 30 days and is gone; ask who sent it to save it as a view",
                code="absent",
            )
        return _unpacked(data)

    def purge(self) -> None:
        """Forget what was deleted too long ago, and drafts whose time is over."""
        now = self._now_us()
        self._meta.drop_old_views(now - KEPT_US, now)

    # ── rights, and who is told ──

    def _keeper(self, who: Principal, entity: str, project: str, is_shared: bool) -> Project:
        """Return a project in which somebody may keep views: for others to see, or of their own."""
        owner = self._projects.find(who, entity, project, "write" if is_shared else "read")
        if "write" not in who.scopes:
            check_can(who, "write", entity, f"project {entity}/{project}", project)
        return owner

    def _find(
        self,
        who: Principal,
        entity: str,
        project: str,
        slug: str,
        verb: Verb = "read",
        *,
        deleted: bool = False,
    ) -> tuple[Project, View]:
        owner = self._projects.find(who, entity, project)
        view = self._meta.view(owner.number, slug, who.user.number)
        is_seen = view is not None and (view.is_shared or view.owner == who.user.number)
        if view is None or not is_seen or (view.deleted_us is not None and not deleted):
            raise NotFound(f"view {slug[:100]!r} does not exist", code="absent")
        if verb == "write":
            self._keeper(who, entity, project, view.is_shared)
        return owner, view

    def _again(self, view: View, who: Principal) -> View:
        found = self._meta.view(view.project, view.slug, who.user.number)
        return view if found is None else found

    def _tell(self, *views: View) -> None:
        """Tell who watches: everybody of a shared view, of another its owner."""
        for view in views:
            user = None if view.is_shared else view.owner
            self._live.publish_view(view.project, view.slug, user)

    def _note(self, who: Principal, action: Action, project: Project, view: View) -> None:
        self._audit.by(who, action, f"{project.entity}/{project.name}/views/{view.slug}")


def check_name(name: str) -> str:
    """Return the name of a view as it is kept. Raises Invalid."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(name) <= NAME_CHARS_MAX:
        raise Invalid(f"a view's name has 1 to {NAME_CHARS_MAX} characters", code="name")
    for character in name:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDI:
            raise Invalid(
                f"a view's name has no control characters: {name.encode('unicode_escape').decode()}",
                code="name",
            )
    return name


def slug_of(name: str) -> str:
    """Return what a view of this name is called in addresses: letters and digits of any script, and `-`."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain)
    slug = "-".join(kept.split())[:SLUG_CHARS_MAX].strip("-")
    return "view" if slug == "" else f"{slug}-view" if slug == MINE else slug


def check_doc(text: bytes) -> Doc:
    """Return a document ready to be kept.

    Raises:
        TooLarge: more than 1 MB.
        Invalid: no JSON object, or one that is nested too deep.
    """
    if len(text) > DOC_BYTES_MAX:
        raise TooLarge(
            f"the view has {len(text):,} bytes; the limit is {DOC_BYTES_MAX:,}", code="doc"
        )
    try:
        compact = msgspec.json.format(text, indent=-1)
        doc = msgspec.json.decode(compact)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"`doc` cannot be read: {error}", code="doc") from error
    if not isinstance(doc, dict):
        raise Invalid("`doc` is a JSON object", code="doc")
    level: list[Any] = [doc]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for value in level:
            items = value.values() if isinstance(value, dict) else value
            below += [item for item in items if isinstance(item, (dict, list))]
        if not below:
            digest = hashlib.sha256(compact).digest()
            return Doc(digest, zstandard.ZstdCompressor(3).compress(compact), len(compact))
        level = below
    raise Invalid(f"`doc` is nested deeper than {DEPTH_MAX} levels", code="doc")


def _unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=2 * DOC_BYTES_MAX)


def _digest(id: str) -> bytes | None:
    if len(id) != 43:
        return None
    try:
        return base64.b64decode(f"{id}=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
