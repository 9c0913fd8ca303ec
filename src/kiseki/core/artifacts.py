"""Artifacts: versioned sets of files, with names, aliases and who made and used them.

    begin ─► pending ─► contents, manifest ─► commit: checked, numbered, `latest` ─► found by everybody
               └─ same digest as a committed version: that one, nothing is sent

A manifest lists a version's files by path, each with the MD5 of its content; it is kept as it was uploaded.
Content lies in the blob store under its SHA-256, which a project's index knows by the MD5. A version that was
not committed is nobody's to see: a client that is killed leaves nothing behind.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kiseki.base.clock import wall_us
from kiseki.core.access import Principal, Verb, check_can_delete
from kiseki.core.artifact_names import (
    check_alias,
    check_collection,
    check_many,
    check_tags,
    check_text,
    retagged,
)
from kiseki.core.files import Files
from kiseki.core.manifests import Entry as Entry
from kiseki.core.manifests import Measured, digest_of, md5_of, parse_manifest
from kiseki.core.people.audit import Audit
from kiseki.core.projects import Project, Projects
from kiseki.core.runs import Run, Runs
from kiseki.errors import Conflict, Invalid, NotFound, TooLarge
from kiseki.storage.artifacts import LATEST as LATEST
from kiseki.storage.artifacts import Artifact as Artifact
from kiseki.storage.artifacts import Collection as Collection
from kiseki.storage.artifacts import Content as Content
from kiseki.storage.artifacts import Manifest as Manifest
from kiseki.storage.artifacts import Member as Member
from kiseki.storage.artifacts import NewArtifact, Part, Role
from kiseki.storage.blobs import BlobStore
from kiseki.storage.interface import MetaStore

MANIFEST_BYTES_MAX = 512 * 1024 * 1024
KEPT_BYTES_MAX = 64 * 1024 * 1024  # of manifests that stay parsed


@dataclass(frozen=True, slots=True)
class Details:
    """What a new version is to be; see `NewArtifact`."""

    collection: str
    type: str
    digest: str
    run: str | None = None
    description: str = ""
    metadata: str = ""
    ttl_s: int | None = None
    step: int | None = None
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    client: str = ""
    sequence: str = ""
    shared: str = ""
    is_deduplicated: bool = True


class Artifacts:
    """Answers which artifacts there are, and takes new ones. Thread-safe."""

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
        self._files = files
        self._audit = audit
        self._now_us = now_us
        self._lock = threading.Lock()
        self._parsed: OrderedDict[str, tuple[int, Mapping[str, Entry]]] = OrderedDict()

    # ── a version on its way in ──

    def begin(
        self, who: Principal, entity: str, project: str, details: Details
    ) -> tuple[Artifact, Artifact | None]:
        """Begin a version, or return the committed one that it equals; and the latest one there was.

        Raises:
            NotFound, Forbidden: the project, the run.
            Invalid, TooLarge: a name, alias, tag or text that is not allowed.
            Conflict: the collection is of another type, or a portfolio.
        """
        check_collection(details.collection)
        check_collection(details.type, "type")
        for alias in check_many(details.aliases):
            check_alias(alias)
        check_tags(details.tags)
        check_text("description", details.description)
        check_text("metadata", details.metadata)
        owner = self._projects.make(who, entity, project)
        run: int | None = None
        if details.run:
            run = self._runs.find(who, owner.entity, owner.name, details.run, "write")[1].number
        new = NewArtifact(
            owner.number, details.collection, details.type, who.user.number, details.digest[:64],
            self._now_us(), run, details.description, details.metadata, details.ttl_s, details.step,
            tuple(details.aliases), tuple(details.tags), details.client[:256], details.sequence[:256],
            details.shared[:256], details.is_deduplicated,
        )  # fmt: skip
        return self._meta.begin_artifact(new)

    def pending(self, who: Principal, number: int) -> Artifact:
        """Return a version that somebody may bring files to. Raises NotFound, Forbidden."""
        found = self._meta.artifact(number)
        if found is None or found.state == "deleted":
            raise _absent(number)
        owner = found.collection
        self._projects.find(who, owner.entity, owner.project_name, "write")
        return found

    def known(self, artifact: Artifact, digests: Sequence[str]) -> dict[str, Content]:
        """Return which contents, by base64 MD5, need not be brought."""
        plain = {md5_of(digest): digest for digest in digests}
        found = self._meta.contents(artifact.collection.project, list(plain))
        return {plain[digest]: content for digest, content in found.items()}

    def keep(self, artifact: Artifact, reception: Measured, digest: str) -> str:
        """Keep content of a version that came; return its SHA-256.

        Raises:
            Invalid: code `digest`: it is not what was announced.
        """
        sha256, size = self._keep(artifact, reception, digest)
        content = Content(sha256, size, artifact.number)
        self._meta.add_content(artifact.collection.project, md5_of(digest), content)
        return sha256

    def add_manifest(
        self, artifact: Artifact, part: Part, base: int | None, digest: str
    ) -> Manifest:
        """Begin a manifest; the last one that comes is the version's."""
        return self._meta.add_manifest(artifact.number, part, base, digest[:64], self._now_us())

    def manifest_of(self, who: Principal, number: int) -> tuple[Artifact, Manifest]:
        """Return a manifest of a version that somebody may bring files to. Raises NotFound, Forbidden."""
        manifest = self._meta.manifest(number)
        if manifest is None:
            raise NotFound(f"there is no manifest {number}", code="absent")
        return self.pending(who, manifest.artifact), manifest

    def announce_manifest(self, manifest: Manifest, digest: str, base: int | None) -> None:
        """Note what a manifest will be."""
        self._meta.edit_manifest(manifest.number, {"digest": digest[:64], "base": base})

    def keep_manifest(self, artifact: Artifact, manifest: Manifest, reception: Measured) -> str:
        """Keep a manifest that came, as it is; return its SHA-256."""
        sha256, _ = self._keep(artifact, reception, manifest.digest)
        if artifact.state == "pending":
            self._meta.edit_manifest(manifest.number, {"sha256": sha256})
        return sha256

    def _keep(self, artifact: Artifact, reception: Measured, digest: str) -> tuple[str, int]:
        if reception.md5 != md5_of(digest):
            came = base64.b64encode(reception.md5).decode()
            raise Invalid(
                f"what came has the MD5 {came} and not {digest}, as was announced; the file may have changed "
                "while it was read: log it again",
                code="digest",
            )
        owner = artifact.collection
        project = self._meta.project(owner.entity, owner.project_name)
        assert project is not None
        incoming = reception.reception.incoming
        sha256, size = incoming.digest, incoming.size
        self._files.keep(project, reception.reception, sha256)
        return sha256, size

    def commit(self, who: Principal, number: int) -> Artifact:
        """Make a version visible, once everything that it lists is here. Twice is once.

        Raises:
            Conflict: code `incomplete`: its manifest, or files of it, did not come.
        """
        artifact = self.pending(who, number)
        if artifact.state == "committed":
            return artifact
        came = [one for one in self._meta.manifests(number) if one.sha256]
        if not came:
            raise Conflict(
                f"{artifact.collection.name} cannot be committed: its list of files was not uploaded",
                code="incomplete",
            )
        last = came[-1]
        digest, sha256 = artifact.digest, last.sha256
        if last.part != "full":
            sha256 = self._merged(artifact, came)
            digest = digest_of(self._listing(sha256))
        entries = self._listing(sha256)
        owned = {entry.digest: entry for entry in entries.values() if entry.ref is None}
        missing = owned.keys() - self.known(artifact, list(owned)).keys()
        if missing:
            some = sorted(path for path, entry in entries.items() if entry.digest in missing)
            raise Conflict(
                f"{artifact.collection.name} cannot be committed: {len(some):,} of its files were not "
                f"uploaded, {some[0]!r} for one; log it again",
                code="incomplete",
            )
        size = sum(entry.size for entry in entries.values())
        return self._meta.commit_artifact(
            number, sha256, digest, size, len(entries), self._now_us()
        )

    def _merged(self, artifact: Artifact, came: Sequence[Manifest]) -> str:
        """Return the manifest that parts make together, each over the ones before, and over the base."""
        text: dict[str, Any] = {}
        contents: dict[str, Any] = {}
        base = next((one.base for one in came if one.part == "incremental" and one.base), None)
        under = self._meta.artifact(base) if base else None
        digests = [one.sha256 for one in came]
        if under is not None and under.collection.number == artifact.collection.number:
            digests.insert(0, under.manifest)
        for digest in digests:
            text = msgspec.json.decode(self._read(digest))
            contents |= text["contents"]
        merged = msgspec.json.encode(text | {"contents": contents})
        owner = artifact.collection
        project = self._meta.project(owner.entity, owner.project_name)
        assert project is not None
        [sha256] = self._files.keep_all(project, [merged])
        whole = self.add_manifest(artifact, "full", None, "")
        self._meta.edit_manifest(whole.number, {"sha256": sha256})
        return sha256

    # ── reading ──

    def find(self, who: Principal, number: int, verb: Verb = "read") -> Artifact:
        """Return a committed version. Raises NotFound, Forbidden."""
        found = self._meta.artifact(number)
        if found is None or found.state != "committed":
            raise _absent(number)
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

    def members(self, who: Principal, collection: Collection) -> list[Member]:
        """Return the members of a collection that somebody may see, the newest first."""
        found = self._meta.versions_in(collection.number)
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
        return self._listing(artifact.manifest)

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

    def _read(self, sha256: str) -> bytes:
        if (self._blobs.size(sha256) or 0) > MANIFEST_BYTES_MAX:
            raise TooLarge(
                f"a list of files may have {MANIFEST_BYTES_MAX:,} bytes", code="manifest"
            )
        return b"".join(self._blobs.read(sha256))

    def _listing(self, sha256: str) -> Mapping[str, Entry]:
        with self._lock:
            if sha256 in self._parsed:
                self._parsed.move_to_end(sha256)
                return self._parsed[sha256][1]
        text = self._read(sha256)
        entries = parse_manifest(text)
        with self._lock:
            self._parsed[sha256] = (len(text), entries)
            while len(self._parsed) > 1 and self._kept_bytes() > KEPT_BYTES_MAX:
                self._parsed.popitem(last=False)
        return entries

    def _kept_bytes(self) -> int:
        return sum(size for size, _ in self._parsed.values())

    # ── changing ──

    def edit(
        self,
        who: Principal,
        artifact: Artifact,
        *,
        description: str | None = None,
        metadata: str | None = None,
        ttl_s: int | None = None,
        sets_ttl: bool = False,
        add_tags: Sequence[str] = (),
        drop_tags: Sequence[str] = (),
    ) -> Artifact:
        """Change what is given. Raises Invalid, TooLarge."""
        self._may(who, artifact.collection)
        columns: dict[str, Any] = {}
        if description is not None:
            columns["description"] = check_text("description", description)
        if metadata is not None:
            columns["metadata"] = check_text("metadata", metadata)
        if sets_ttl:
            columns["ttl_s"] = ttl_s
        if add_tags or drop_tags:
            columns["tags"] = retagged(artifact.tags, add_tags, drop_tags)
        if columns:
            self._meta.edit_artifact(artifact.number, columns, self._now_us())
        return self._meta.artifact(artifact.number) or artifact

    def point(
        self, who: Principal, collection: Collection, artifact: Artifact, aliases: Sequence[str]
    ) -> None:
        """Point aliases of a collection to a version that is in it. Raises Invalid."""
        self._may(who, collection)
        for alias in check_many(aliases):
            check_alias(alias)
        self._meta.point(collection.number, artifact.number, aliases)

    def unpoint(
        self, who: Principal, collection: Collection, artifact: Artifact, aliases: Sequence[str]
    ) -> None:
        self._may(who, collection)
        self._meta.unpoint(collection.number, artifact.number, check_many(aliases))

    def set_aliases(self, who: Principal, artifact: Artifact, aliases: Sequence[str]) -> None:
        """Let these, and no others, point to a version in its sequence."""
        own = artifact.collection
        found = self._meta.members_of(artifact.number)
        old = found[0].aliases if found else ()
        self.unpoint(who, own, artifact, [alias for alias in old if alias not in aliases])
        self.point(who, own, artifact, aliases)

    def link(
        self,
        who: Principal,
        artifact: Artifact,
        entity: str,
        project: str,
        name: str,
        aliases: Sequence[str],
    ) -> Member:
        """Make a version a member of a portfolio, which may be another project's. Raises Conflict."""
        check_collection(name)
        for alias in check_many(aliases):
            check_alias(alias)
        if artifact.state != "committed":
            raise Conflict("only what is committed can be linked", code="state")
        owner = self._projects.make(who, entity, project)
        return self._meta.link(artifact.number, owner.number, name, aliases, self._now_us())

    def unlink(self, who: Principal, artifact: Artifact, collection: Collection) -> None:
        """Take a version out of a portfolio. Raises Conflict: that is where it belongs."""
        self._may(who, collection)
        if collection.kind == "sequence":
            raise Conflict(f"{collection.name} is where this version belongs", code="kind")
        self._meta.unlink(artifact.number, collection.number)

    def delete(self, who: Principal, artifact: Artifact, *, with_aliases: bool = False) -> None:
        """Delete a version.

        Raises:
            Conflict: code `aliases`: aliases point to it.
            Forbidden: neither its maker nor an admin asks.
        """
        own = artifact.collection
        self._check_delete(who, own, artifact.user)
        aliases = [alias for one in self._meta.members_of(artifact.number) for alias in one.aliases]
        if aliases and not with_aliases:
            raise Conflict(
                f"{own.name}:v{artifact.version} has aliases ({', '.join(sorted(set(aliases)))}): take them "
                "away first, or delete it with them",
                code="aliases",
            )
        self._meta.delete_artifact(artifact.number, self._now_us())
        path = f"{own.entity}/{own.project_name}/artifacts/{own.name}:v{artifact.version}"
        self._audit.by(who, "artifact-deleted", path)

    def edit_collection(
        self,
        who: Principal,
        collection: Collection,
        *,
        name: str | None = None,
        description: str | None = None,
        type: str | None = None,
        add_tags: Sequence[str] = (),
        drop_tags: Sequence[str] = (),
    ) -> Collection:
        """Change what is given. Raises Invalid, TooLarge, Conflict."""
        self._may(who, collection)
        columns: dict[str, Any] = {}
        if name is not None and name != collection.name:
            columns["name"] = check_collection(name)
        if description is not None:
            columns["description"] = check_text("description", description)
        if type is not None:
            columns["type"] = check_collection(type, "type")
        if add_tags or drop_tags:
            columns["tags"] = retagged(collection.tags, add_tags, drop_tags)
        if columns:
            self._meta.edit_collection(collection.number, columns, self._now_us())
        return self._meta.collection_by_number(collection.number) or collection

    def delete_collection(self, who: Principal, collection: Collection) -> None:
        """Delete a collection with all its versions; of a portfolio only the links."""
        makers = {one.artifact.user for one in self._meta.versions_in(collection.number)}
        if collection.kind == "portfolio":
            self._may(who, collection)
        else:
            maker = makers.pop() if len(makers) == 1 else 0
            self._check_delete(who, collection, maker)
        self._meta.delete_collection(collection.number, self._now_us())
        path = f"{collection.entity}/{collection.project_name}/artifacts/{collection.name}"
        self._audit.by(who, "collection-deleted", path)

    def _may(self, who: Principal, collection: Collection) -> None:
        self._projects.find(who, collection.entity, collection.project_name, "write")

    def _check_delete(self, who: Principal, collection: Collection, maker: int) -> None:
        self._may(who, collection)
        user = self._meta.user_by_number(maker)
        entity, project = collection.entity, collection.project_name
        what = f"artifact {entity}/{project}/{collection.name}"
        check_can_delete(who, entity, project, user.name if user else "", what)

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


def _absent(number: int) -> NotFound:
    return NotFound(f"there is no artifact {number}", code="absent")
