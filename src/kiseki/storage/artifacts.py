"""What `core` may ask of the store about artifacts: versioned sets of files.

A *collection* has a name in its project: a sequence, which versions are committed to, or a portfolio, which
versions of other collections are linked into. A version is pending until it is committed; only then it gets
its number, is a *member* of its sequence, and is found by anybody. Each call is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

LATEST = "latest"  # the alias that moves to every newly committed version

Kind = Literal["sequence", "portfolio"]
State = Literal["pending", "committed", "deleted", "purged"]
Part = Literal["full", "incremental", "patch"]
Role = Literal["made", "used"]


@dataclass(frozen=True, slots=True)
class Collection:
    """A name in a project under which there are versions."""

    number: int
    project: int
    entity: str
    project_name: str
    name: str
    kind: Kind
    type: str
    description: str
    tags: tuple[str, ...]
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A version of a sequence.

    Attributes:
        version: 0, 1, …; None before it is committed.
        ttl_s: it lives so long; None: as its project's do, for ever; 0: for ever, whatever the project says.
        manifest: SHA-256 of what lists its files, "" before it is committed.
    """

    number: int
    collection: Collection
    run: int | None
    user: int
    state: State
    version: int | None
    digest: str
    description: str
    metadata: str
    ttl_s: int | None
    size: int
    files: int
    step: int | None
    tags: tuple[str, ...]
    manifest: str
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class Member:
    """A version's place in a collection, with the aliases that point to it there."""

    number: int
    collection: Collection
    artifact: Artifact
    version: int
    aliases: tuple[str, ...]
    created_us: int


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """What a version is begun with. `client` and `sequence` are ids that clients made up for it."""

    project: int
    collection: str
    type: str
    user: int
    digest: str
    now_us: int
    run: int | None = None
    description: str = ""
    metadata: str = ""
    ttl_s: int | None = None
    step: int | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    client: str = ""
    sequence: str = ""
    shared: str = ""  # several runs that name this make one version together
    is_deduplicated: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """A list of files on its way in. `digest`: base64 of its MD5; `sha256`: "" until it came."""

    number: int
    artifact: int
    part: Part
    base: int | None
    digest: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Content:
    """Content that a project's artifacts hold, and the first of them that did."""

    sha256: str
    size: int
    artifact: int


@dataclass(frozen=True, slots=True)
class ArtifactType:
    """A type of a project's artifacts, which is there because collections have it."""

    name: str
    collections: int
    versions: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A collection as lists show it. `size`: bytes of its versions, each counted as if it were alone."""

    collection: Collection
    versions: int
    size: int
    latest: Member | None


class ArtifactStore(Protocol):
    """Artifacts. Thread-safe; durable when a call returns."""

    def artifact_types(self, project: int) -> list[ArtifactType]:
        """Return the types of a project's collections, by name."""
        ...

    def list_collections(
        self, project: int, type: str, search: str, offset: int, limit: int
    ) -> tuple[int, list[Listed]]:
        """Return how many collections have a name with this text in it, and some of them.

        Those changed last come first. Of any type, where none is given.
        """
        ...

    def collection(self, project: int, name: str) -> Collection | None: ...

    def collection_by_number(self, number: int) -> Collection | None: ...

    def collections(self, project: int, type: str | None = None) -> list[Collection]:
        """Return the collections of a project, of one type or of all, by name."""
        ...

    def begin_artifact(self, new: NewArtifact) -> tuple[Artifact, Artifact | None]:
        """Begin a version, its collection made if needed; return it, and the latest one there was.

        With deduplication a committed version of the same digest is returned instead, given the new one's
        aliases. Its run made it, too.

        Raises:
            Conflict: code `type`, `kind`: the collection is of another type, or a portfolio.
        """
        ...

    def artifact(self, number: int) -> Artifact | None: ...

    def commit_artifact(
        self, number: int, manifest: str, digest: str, size: int, files: int, now_us: int
    ) -> Artifact:
        """Make a pending version the next one of its sequence, with its aliases; committed ones stay.

        Raises:
            NotFound: it was deleted.
        """
        ...

    def edit_artifact(self, number: int, columns: Mapping[str, Any], now_us: int) -> None:
        """Change `description`, `metadata`, `ttl_s` or `tags`."""
        ...

    def delete_artifact(self, number: int, now_us: int) -> None:
        """Take a version from all its collections, with its aliases; `latest` goes to the one before."""
        ...

    # manifests
    def add_manifest(
        self, artifact: int, part: Part, base: int | None, digest: str, now_us: int
    ) -> Manifest: ...

    def manifest(self, number: int) -> Manifest | None: ...

    def manifests(self, artifact: int) -> list[Manifest]:
        """Return the manifests that were begun for a version, the first one first."""
        ...

    def edit_manifest(self, number: int, columns: Mapping[str, Any]) -> None:
        """Change `digest`, `base` or `sha256`."""
        ...

    # content
    def contents(self, project: int, digests: Sequence[bytes]) -> dict[bytes, Content]:
        """Return what a project's artifacts hold of contents, by MD5."""
        ...

    def tell_contents(
        self, project: int, digests: Sequence[bytes], now_us: int, since_us: int
    ) -> dict[bytes, Content]:
        """Return the same, and note that somebody was told so now, unless it was noted since `since_us`.

        Whoever is told will not bring it: it is not swept away for a while (`untold_contents`).
        """
        ...

    def add_contents(self, project: int, contents: Mapping[bytes, Content], now_us: int) -> None:
        """Note which contents have these MD5s; what was noted first stays."""
        ...

    def hold_contents(self, projects: Mapping[int, Mapping[bytes, Content]], now_us: int) -> None:
        """Give contents to projects, and note their MD5s, as `add_blobs` and `add_contents` do, in one."""
        ...

    def artifact_blobs(self, project: int, digests: Sequence[str]) -> set[str]:
        """Return those of contents, by SHA-256, that artifacts of a project hold, or that are manifests."""
        ...

    # members and aliases
    def member(self, collection: int, alias: str) -> Member | None:
        """Return the member that an alias, `v0`, `v1`, … or a digest means."""
        ...

    def versions_in(
        self, collection: int, offset: int = 0, limit: int | None = None
    ) -> list[Member]:
        """Return the members of a collection, the newest first; from `offset` on, `limit` of them."""
        ...

    def sum_of_versions(self, collection: int) -> tuple[int, int]:
        """Return how many members a collection has, and their bytes."""
        ...

    def members_of(self, artifact: int) -> list[Member]:
        """Return a version's places, that in its own sequence first."""
        ...

    def point(self, collection: int, artifact: int, aliases: Sequence[str]) -> None:
        """Point aliases of a collection to one of its members; they point to no other one any more."""
        ...

    def unpoint(self, collection: int, artifact: int, aliases: Sequence[str]) -> None:
        """Take aliases from a member of a collection."""
        ...

    def link(
        self, artifact: int, project: int, name: str, aliases: Sequence[str], now_us: int
    ) -> Member:
        """Make a version a member of a portfolio, made if needed, with aliases; again only adds aliases.

        Raises:
            Conflict: code `type`, `kind`: the collection is of another type, or no portfolio.
        """
        ...

    def unlink(self, artifact: int, collection: int) -> None: ...

    # collections
    def edit_collection(self, number: int, columns: Mapping[str, Any], now_us: int) -> None:
        """Change `name`, `description`, `type` or `tags`.

        Raises:
            Conflict: code `name`: another one of the project has it.
        """
        ...

    def delete_collection(self, number: int, now_us: int) -> None:
        """Delete a collection: of a sequence all versions, of a portfolio its links."""
        ...

    # who made and used what
    def client_artifact(self, client: str) -> int | None:
        """Return the version that a client calls so."""
        ...

    def note_use(self, run: int, artifact: int, now_us: int) -> None: ...

    def artifacts_of(self, run: int, role: Role) -> list[Artifact]:
        """Return the committed versions that a run made or used, in the order in which it did."""
        ...

    def users_of(self, artifact: int) -> list[int]:
        """Return the numbers of the runs that used a version, those not deleted, the first one first."""
        ...

    # what goes for good
    def expired_artifacts(self, now_us: int, limit: int) -> list[int]:
        """Return versions whose time to live has passed; what is linked into a portfolio has none."""
        ...

    def abandoned_artifacts(self, before_us: int, limit: int) -> list[int]:
        """Return versions that were begun before a moment and never committed."""
        ...

    def unswept_artifacts(self, before_us: int) -> dict[int, list[int]]:
        """Return by project the versions that were deleted before a moment and were not blanked."""
        ...

    def artifact_listings(self, project: int, before_us: int) -> list[str]:
        """Return the SHA-256 of all manifests but those of versions deleted before a moment."""
        ...

    def untold_contents(
        self, project: int, before_us: int, after: bytes, limit: int
    ) -> list[bytes]:
        """Return MD5s behind `after`, in order, of contents that nobody was told of since a moment."""
        ...

    def forget_contents(self, project: int, digests: Sequence[bytes], before_us: int) -> None:
        """Let a project's artifacts not hold these any more, unless somebody was told of them since.

        They are noted as `unnamed`, to be looked at.
        """
        ...

    def blank_artifacts(self, project: int, numbers: Sequence[int]) -> None:
        """Leave nothing of deleted versions but their numbers; their manifests are noted as `unnamed`."""
        ...
