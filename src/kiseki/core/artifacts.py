"""Artifacts: versioned sets of files, with names, aliases and who made and used them.

    begin ─► pending ─► contents, manifest ─► commit: checked, numbered, `latest` ─► found by everybody
               └─ same digest as a committed version: that one, nothing is sent

A manifest lists a version's files by path, each with the MD5 of its content; it is kept as it was uploaded.
Content lies in the blob store under its SHA-256, which a project's index knows by the MD5. A version that was
not committed is nobody's to see: a client that is killed leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kiseki.base.clock import wall_us
from kiseki.core.artifact_edits import ArtifactEdits
from kiseki.core.artifact_uploads import ArtifactUploads, absent
from kiseki.core.artifact_uploads import Details as Details
from kiseki.core.files import Files
from kiseki.core.manifests import Entry as Entry
from kiseki.core.manifests import Listings, md5_of
from kiseki.core.people.audit import Audit
from kiseki.core.projects import Project, Projects
from kiseki.core.rights import Principal, Verb
from kiseki.core.runs import Run, Runs
from kiseki.errors import NotFound
from kiseki.storage.artifacts import LATEST as LATEST
from kiseki.storage.artifacts import Artifact as Artifact
from kiseki.storage.artifacts import Collection as Collection
from kiseki.storage.artifacts import Content as Content
from kiseki.storage.artifacts import Manifest as Manifest
from kiseki.storage.artifacts import Member as Member
from kiseki.storage.artifacts import Role as Role
from kiseki.storage.blobs import BlobStore
from kiseki.storage.interface import MetaStore


@dataclass(frozen=True, slots=True)
class Folder:
    """One level of a version's files: folders with how many files and bytes are below them, and files."""

    folders: list[tuple[str, int, int]]
    files: list[tuple[str, Entry]]


@dataclass(frozen=True, slots=True)
class Change:
    """A file that two versions do not have alike; its size before and after, None where it is not."""

    path: str
    before: int | None
    after: int | None


class Artifacts:
    """Answers which artifacts there are, who made and who used them. Thread-safe.

    Attributes:
        uploads: takes new versions.
        edits: changes and deletes them.
        listings: which files versions have.
    """

    def __init__(
        self,
        meta: MetaStore,
        blobs: BlobStore,
        projects: Projects,
        runs: Runs,
        files: Files,
        audit: Audit,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._blobs = blobs
        self._projects = projects
        self._runs = runs
        self._now_us = now_us
        self.listings = Listings(blobs)
        self.uploads = ArtifactUploads(meta, projects, runs, files, self.listings, now_us)
        self.edits = ArtifactEdits(meta, projects, audit, now_us)

    def find(self, who: Principal, number: int, verb: Verb = "read") -> Artifact:
        """Return a committed version. Raises NotFound, Forbidden."""
        found = self._meta.artifact(number)
        if found is None or found.state != "committed":
            raise absent(number)
        owner = found.collection
        self._projects.find(who, owner.entity, owner.project_name, verb)
        return found

    def can_see(self, who: Principal, artifact: Artifact) -> bool:
        """Return whether somebody may read a version: members of a portfolio may be another project's."""
        try:
            self.find(who, artifact.number)
        except NotFound:
            return False
        return True

    def by_name(self, who: Principal, project: Project, name: str) -> Member:
        """Return what `collection:alias` means; without an alias the latest one. Raises NotFound."""
        collection, _, alias = name.partition(":")
        found = self.collection(project, collection)
        return self.member(who, found, alias or LATEST)

    def by_client(self, who: Principal, client: str, verb: Verb = "read") -> Artifact:
        """Return the version that a client calls so, pending or not. Raises NotFound."""
        number = self._meta.client_artifact(client)
        found = None if number is None else self._meta.artifact(number)
        if found is None:
            raise NotFound(f"no artifact is known as {client[:80]!r}", code="absent")
        owner = found.collection
        self._projects.find(who, owner.entity, owner.project_name, verb)
        return found

    def member(self, who: Principal, collection: Collection, alias: str) -> Member:
        """Return what an alias, `v3` or a digest means in a collection. Raises NotFound."""
        found = self._meta.member(collection.number, alias)
        if found is None or not self.can_see(who, found.artifact):
            raise NotFound(
                f"artifact {collection.name}:{alias[:150]} does not exist", code="absent"
            )
        return found

    def members(
        self, who: Principal, collection: Collection, offset: int = 0, limit: int | None = None
    ) -> list[Member]:
        """Return the members of a collection that somebody may see, the newest first."""
        found = self._meta.versions_in(collection.number, offset, limit)
        if collection.kind == "sequence":
            return found
        return [one for one in found if self.can_see(who, one.artifact)]

    def members_of(self, who: Principal, artifact: Artifact) -> list[Member]:
        """Return where a version is, in its own sequence first; only what somebody may see."""
        own = artifact.collection.project
        return [
            one
            for one in self._meta.members_of(artifact.number)
            if one.collection.project == own or self._is_visible(who, one.collection)
        ]

    def _is_visible(self, who: Principal, collection: Collection) -> bool:
        try:
            self._projects.find(who, collection.entity, collection.project_name)
        except NotFound:
            return False
        return True

    def collection(self, project: Project, name: str) -> Collection:
        """Return a collection of a project that somebody found. Raises NotFound."""
        found = self._meta.collection(project.number, name)
        if found is None:
            raise NotFound(
                f"artifact {project.entity}/{project.name}/{name[:150]} does not exist",
                code="absent",
            )
        return found

    def collections(self, project: Project, type: str | None = None) -> list[Collection]:
        return self._meta.collections(project.number, type)

    def collection_by_number(self, who: Principal, number: int, verb: Verb = "read") -> Collection:
        """Return a collection. Raises NotFound, Forbidden."""
        found = self._meta.collection_by_number(number)
        if found is None:
            raise NotFound(f"there is no collection {number}", code="absent")
        self._projects.find(who, found.entity, found.project_name, verb)
        return found

    def entries(self, artifact: Artifact) -> Mapping[str, Entry]:
        """Return the files of a committed version, by path."""
        return self.listings.of(artifact.manifest)

    def file(self, artifact: Artifact, path: str) -> Content:
        """Return the content of a file of a committed version.

        Raises:
            NotFound: there is no such file; code `elsewhere`: it is kept somewhere else.
        """
        entry = self.entries(artifact).get(path)
        owner = artifact.collection
        name = f"{owner.name}:v{artifact.version}"
        if entry is None:
            raise NotFound(f"artifact {name} has no file {path[:200]!r}", code="absent")
        if entry.ref is not None:
            raise NotFound(f"{path[:200]!r} of {name} is kept at {entry.ref}", code="elsewhere")
        found = self._meta.contents(owner.project, [md5_of(entry.digest)])
        if not found:
            raise NotFound(f"{path[:200]!r} of {name} is not here any more", code="absent")
        return next(iter(found.values()))

    def folder(self, artifact: Artifact, under: str) -> Folder:
        """Return what lies directly in a folder of a version, at its top without one. Raises NotFound."""
        head = f"{under.strip('/')}/" if under.strip("/") else ""
        folders: dict[str, list[int]] = {}
        files: list[tuple[str, Entry]] = []
        for path, entry in self.entries(artifact).items():
            if not path.startswith(head):
                continue
            name, slash, _ = path[len(head) :].partition("/")
            if slash:
                sums = folders.setdefault(name, [0, 0])
                sums[0] += 1
                sums[1] += entry.size
            else:
                files.append((name, entry))
        if head and not folders and not files:
            raise NotFound(f"there is no folder {under[:200]!r} in it", code="absent")
        found = [(name, count, size) for name, (count, size) in sorted(folders.items())]
        return Folder(found, sorted(files, key=lambda one: one[0]))

    def changes(self, before: Artifact, after: Artifact) -> list[Change]:
        """Return how the files of two versions differ, by path."""
        old, new = self.entries(before), self.entries(after)
        found = []
        for path in sorted(old.keys() | new.keys()):
            was, now = old.get(path), new.get(path)
            if was is None or now is None or was.digest != now.digest:
                found.append(
                    Change(
                        path, None if was is None else was.size, None if now is None else now.size
                    )
                )
        return found

    def content(self, project: Project, digest: str) -> Content:
        """Return content that artifacts of a project hold, by base64 MD5. Raises NotFound."""
        found = self._meta.contents(project.number, [md5_of(digest)])
        if not found:
            raise NotFound(f"no artifact holds content with the MD5 {digest}", code="absent")
        return next(iter(found.values()))

    def read(self, sha256: str, first: int = 0, behind: int | None = None) -> Iterator[bytes]:
        """Return content in pieces; close it to stop early."""
        return self._blobs.read(sha256, first, behind)

    def size(self, sha256: str) -> int:
        return self._blobs.size(sha256) or 0

    # ── who made and used what ──

    def use(self, artifact: Artifact, run: Run) -> None:
        """Note that a run uses a version; both were found by who says so."""
        self._meta.note_use(run.number, artifact.number, self._now_us())

    def of_run(self, who: Principal, run: int, role: Role) -> list[Artifact]:
        """Return the versions that a run made or used, of what somebody may see."""
        found = self._meta.artifacts_of(run, role)
        return [one for one in found if role == "made" or self.can_see(who, one)]

    def users(self, who: Principal, artifact: Artifact) -> list[tuple[Project, Run]]:
        """Return the runs that used a version, of those that somebody may see."""
        return [
            found
            for number in self._meta.users_of(artifact.number)
            if (found := self._run(who, number)) is not None
        ]

    def maker(self, who: Principal, artifact: Artifact) -> tuple[Project, Run] | None:
        """Return the run that made a version."""
        return None if artifact.run is None else self._run(who, artifact.run)

    def _run(self, who: Principal, number: int) -> tuple[Project, Run] | None:
        run = self._meta.run_by_number(number)
        if run is None:
            return None
        try:
            return self._runs.find(who, run.entity, run.project_name, run.id)
        except NotFound:
            return None
