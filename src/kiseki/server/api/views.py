"""Saved views: listed, opened, saved in versions; and drafts, which links without a saved view refer to."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from kiseki.core.views import DOC_BYTES_MAX, View, ViewVersion
from kiseki.errors import TooLarge
from kiseki.server.routing import Call, Routes

routes = Routes()

VIEWS = "/api/v1/projects/{entity}/{project}/views"
VIEW = VIEWS + "/{slug}"
DRAFTS = "/api/v1/projects/{entity}/{project}/drafts"


class ViewAnswer(msgspec.Struct):
    """A view. `default`: the project's if it is shared, else one's own; `owner`, `edited_by` name users."""

    slug: str
    name: str
    shared: bool
    default: bool
    owner: str
    version: int
    created_us: int
    edited_us: int
    edited_by: str


class OpenedViewAnswer(msgspec.Struct):
    """A view with its document, that of `version`; `latest` is the newest version."""

    slug: str
    name: str
    shared: bool
    default: bool
    owner: str
    version: int
    latest: int
    created_us: int
    edited_us: int
    edited_by: str
    doc: dict[str, Any]


class ViewsAnswer(msgspec.Struct):
    """The shared views of a project, and one's own."""

    views: list[ViewAnswer]


class VersionAnswer(msgspec.Struct):
    """`bytes`: how long the document is as JSON."""

    version: int
    time_us: int
    by: str
    bytes: int


class VersionsAnswer(msgspec.Struct):
    """The versions that are kept, newest first."""

    versions: list[VersionAnswer]


class ViewQuery(msgspec.Struct):
    """Without `version` the newest one."""

    version: int | None = None


class NewView(msgspec.Struct, forbid_unknown_fields=True):
    """`doc` is a JSON object of at most 1 MB; what it holds is for the web app to know."""

    name: str
    doc: msgspec.Raw
    shared: bool = False


class ViewSave(msgspec.Struct, forbid_unknown_fields=True):
    """`base_version`: the version that was changed; 0 for a `mine` that is not there yet."""

    doc: msgspec.Raw
    base_version: int
    name: str | None = None


class ViewEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; absent fields stay."""

    name: str | None = None
    shared: bool | None = None
    default: bool | None = None


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    doc: msgspec.Raw


class DraftIdAnswer(msgspec.Struct):
    id: str


class DraftAnswer(msgspec.Struct):
    doc: dict[str, Any]


def _answer(view: View) -> ViewAnswer:
    return ViewAnswer(
        view.slug, view.name, view.is_shared, view.is_default, view.owner_name, view.version,
        view.created_us, view.edited_us, view.edited_by,
    )  # fmt: skip


def _where(call: Call) -> tuple[Any, str, str]:
    return call.who, call.path["entity"], call.path["project"]


def _doc(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    if len(text) > 2 * DOC_BYTES_MAX:  # indented: it is looked at without its white space
        raise TooLarge(
            f"the view has {len(text):,} bytes; the limit is {DOC_BYTES_MAX:,}", code="doc"
        )
    return text


@routes.get(VIEWS, answer=ViewsAnswer)
def list_views(call: Call) -> ViewsAnswer:
    """Return the shared views of a project, and one's own, without their documents."""
    return ViewsAnswer([_answer(view) for view in call.core.views.list(*_where(call))])


@routes.post(VIEWS, body=NewView, answer=ViewAnswer, status=201)
def add_view(call: Call) -> ViewAnswer:
    """Make a view; its slug is made from its name, and stays."""
    new: NewView = call.body
    return _answer(
        call.core.views.add(*_where(call), new.name, _doc(new.doc), is_shared=new.shared)
    )


@routes.get(VIEW, query=ViewQuery, answer=OpenedViewAnswer)
def show_view(call: Call) -> Response:
    """Return a view with its document; `mine` is one's own, 404 until it was saved once."""
    asked: ViewQuery = call.query
    found = call.core.views.open(*_where(call), call.path["slug"], asked.version)
    view = msgspec.structs.asdict(_answer(found.view))
    view |= {"latest": found.view.version, "doc": msgspec.Raw(found.doc)}
    if asked.version is not None:
        view["version"] = asked.version
    return _json(call, view)


@routes.add("PUT", VIEW, body=ViewSave, answer=ViewAnswer)
def save_view(call: Call) -> ViewAnswer:
    """Give a view a new version; 409 `edited` with the newest `version` if somebody else was faster."""
    body: ViewSave = call.body
    return _answer(
        call.core.views.save(
            *_where(call), call.path["slug"], _doc(body.doc), body.base_version, body.name
        )
    )


@routes.add("PATCH", VIEW, body=ViewEdit, answer=ViewAnswer)
def edit_view(call: Call) -> ViewAnswer:
    """Rename a view, share it or not, make it the default."""
    body: ViewEdit = call.body
    return _answer(
        call.core.views.edit(
            *_where(call), call.path["slug"],
            name=body.name, is_shared=body.shared, is_default=body.default,
        )
    )  # fmt: skip


@routes.add("DELETE", VIEW, answer=None)
def delete_view(call: Call) -> None:
    """Delete a view; for 7 days it can be restored."""
    call.core.views.delete(*_where(call), call.path["slug"])


@routes.post(f"{VIEW}/restore", answer=ViewAnswer)
def restore_view(call: Call) -> ViewAnswer:
    """Bring a deleted view back."""
    return _answer(call.core.views.restore(*_where(call), call.path["slug"]))


@routes.get(f"{VIEW}/versions", answer=VersionsAnswer)
def list_view_versions(call: Call) -> VersionsAnswer:
    """Return the versions of a view that are kept, newest first."""

    def to_answer(item: ViewVersion) -> VersionAnswer:
        return VersionAnswer(item.version, item.time_us, item.by, item.size)

    found = call.core.views.versions(*_where(call), call.path["slug"])
    return VersionsAnswer(list(map(to_answer, found)))


@routes.post(DRAFTS, body=Draft, answer=DraftIdAnswer, status=201)
def add_draft(call: Call) -> DraftIdAnswer:
    """Keep a document for 30 days, for a link; the same document has the same id."""
    return DraftIdAnswer(call.core.views.add_draft(*_where(call), _doc(call.body.doc)))


@routes.get(f"{DRAFTS}/{{draft}}", answer=DraftAnswer)
def show_draft(call: Call) -> Response:
    """Return the document of a draft, to whoever may read the project."""
    doc = call.core.views.draft(*_where(call), call.path["draft"])
    return _json(call, {"doc": msgspec.Raw(doc)})


def _json(call: Call, answer: Any) -> Response:
    """Return an answer that holds JSON as it was sent."""
    return Response(
        msgspec.json.encode(answer), media_type="application/json", headers=call.headers
    )
