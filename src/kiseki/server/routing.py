"""How an endpoint of the native API is declared.

    routes = Routes()

    @routes.get("/api/v1/projects/{entity}/{project}", answer=ProjectAnswer)
    def show_project(call: Call) -> ProjectAnswer:
        \"\"\"Return one project.\"\"\"
        project = call.core.projects.find(call.who, call.path["entity"], call.path["project"])

The first line of the docstring and the query, body and answer types are what OpenAPI tells. A plain function
runs in a worker thread, an `async def` in the event loop. Errors are raised as `PublicError`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from kiseki.core.rights import Principal
from kiseki.core.service import Core
from kiseki.errors import Invalid, TooLarge

INTEGER_MAX = 2**63 - 1  # what a database column holds
JSON_BYTES_MAX = 8 * 1024 * 1024  # of one request body

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """One request, parsed.

    Attributes:
        who: the user that asks. On a public endpoint nobody.
        path: parameters of the path, percent-decoded once.
        query, body: instances of the declared types; None where none was declared.
        headers: to be set on the answer.
    """

    core: Core
    who: Principal
    request: Request
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Address of whoever asks; behind a proxy, the proxy's."""
        return self.request.client.host if self.request.client else ""

    def unchanged(self, tag: str) -> bool:
        """Set the answer's ETag; return whether the client has this version already.

        The endpoint then returns `not_modified(call)`.
        """
        self.headers["ETag"] = quoted = f'"{tag}"'
        self.headers["Cache-Control"] = "private, no-cache"
        known = self.request.headers.get("if-none-match", "")
        return quoted in (part.strip().removeprefix("W/") for part in known.split(","))


def not_modified(call: Call) -> Response:
    """Return the answer to a client that has this version already."""
    return Response(status_code=304, headers=call.headers)


Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A declared endpoint. `answer` is a msgspec type (JSON), a media type (bytes), or None (no body).

    A parameter `{path}` at the end of a path takes slashes, too.
    """

    method: str
    path: str
    handle: Handler
    query: type[msgspec.Struct] | None
    body: type[msgspec.Struct] | str | None
    answer: type[Any] | str | None
    is_public: bool
    status: int = 200  # of an answer with a body

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.handle) or "").partition("\n")[0]

    @property
    def name(self) -> str:
        return self.handle.__name__


class Routes:
    """The endpoints of one module."""

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        query: type[msgspec.Struct] | None = None,
        body: type[msgspec.Struct] | str | None = None,
        answer: type[Any] | str | None = None,
        is_public: bool = False,
        status: int = 200,
    ) -> Callable[[Handler], Handler]:
        """Declare the decorated function as the endpoint of a method and path.

        A body given as a media type is not parsed: the endpoint reads `call.request` itself.
        """

        def declare(handle: Handler) -> Handler:
            self.endpoints.append(
                Endpoint(method, path, handle, query, body, answer, is_public, status)
            )
            return handle

        return declare

    def get(
        self,
        path: str,
        *,
        answer: type[Any] | str | None,
        query: type[msgspec.Struct] | None = None,
        is_public: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a GET endpoint."""
        return self.add("GET", path, query=query, answer=answer, is_public=is_public)

    def post(
        self,
        path: str,
        *,
        answer: type[Any] | str | None,
        body: type[msgspec.Struct] | str | None = None,
        query: type[msgspec.Struct] | None = None,
        is_public: bool = False,
        status: int = 200,
    ) -> Callable[[Handler], Handler]:
        """Declare a POST endpoint; 201 is the status of one that makes something."""
        return self.add(
            "POST", path, query=query, body=body, answer=answer, is_public=is_public, status=status
        )


def to_route(endpoint: Endpoint, core: Core) -> Route:
    """Return the Starlette route that parses, calls and renders an endpoint."""
    decode = _body_decoder(endpoint)
    is_async = inspect.iscoroutinefunction(endpoint.handle)

    async def serve(request: Request) -> Response:
        call = Call(core, request.scope["kiseki.who"], request, request.path_params)
        if endpoint.query is not None:
            call.query = parse_query(endpoint.query, request)
        if decode is not None:
            call.body = decode(await read_body(request, JSON_BYTES_MAX))
        if is_async:
            answer = await cast(Awaitable[Any], endpoint.handle(call))
            return answer if isinstance(answer, Response) else render(call, answer, endpoint.status)
        return await run_in_threadpool(_call, endpoint, call)

    path = endpoint.path.replace("{path}", "{path:path}")
    return Route(path, serve, methods=[endpoint.method], name=endpoint.name)


def _call(endpoint: Endpoint, call: Call) -> Response:
    answer = endpoint.handle(call)
    return answer if isinstance(answer, Response) else render(call, answer, endpoint.status)


def _body_decoder(endpoint: Endpoint) -> Callable[[bytes], Any] | None:
    if endpoint.body is None or isinstance(endpoint.body, str):
        return None
    decoder = msgspec.json.Decoder(endpoint.body)

    def decode(body: bytes) -> Any:
        try:
            return decoder.decode(body)
        # Of a key that is no UTF-8 msgspec raises what Python does.
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Invalid(f"the body is not what is expected: {error}", code="body") from error

    return decode


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Raises:
        TooLarge: as soon as it is known to exceed `limit` bytes.
        Invalid: code `body`: the client went away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(f"the body has {int(declared):,} bytes; the limit is {limit:,}")
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise TooLarge(f"the body is larger than the limit of {limit:,} bytes")
            parts.append(part)
    except ClientDisconnect as error:  # a script that was ended: nobody reads the answer
        raise Invalid("the body ended before all of it came", code="body") from error
    return b"".join(parts)


def parse_query(kind: type[T], request: Request) -> T:
    """Return the query string as an instance of `kind`; lists are repeated parameters."""
    values: dict[str, Any] = {}
    for info in msgspec.structs.fields(cast(Any, kind)):
        given = request.query_params.getlist(info.encode_name)
        if not given:
            continue
        is_list = getattr(info.type, "__origin__", info.type) is list
        values[info.encode_name] = given if is_list else given[-1]
    try:
        found = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"the query is not what is expected: {error}", code="query") from error
    for info in msgspec.structs.fields(cast(Any, kind)):
        value = getattr(found, info.name)
        if isinstance(value, int) and abs(value) > INTEGER_MAX:
            raise Invalid(f"`{info.encode_name}` is beyond 64 bits", code=info.encode_name)
    return found


def render(call: Call, answer: Any, status: int = 200) -> Response:
    """Return an answer as JSON, with NaN and ±Inf as the text the API documents."""
    if answer is None:
        return Response(status_code=204, headers=call.headers)
    return Response(to_json(answer), status, media_type="application/json", headers=call.headers)


def to_json(answer: Any) -> bytes:
    """Return plain values or structs as JSON text; NaN and ±Inf become strings."""
    return msgspec.json.encode(_finite(msgspec.to_builtins(answer)))


def _finite(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else _SPELLED.get(value, "NaN")
    if kind is dict:
        return {key: _finite(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_finite(item) for item in value]
    return value


_SPELLED = {math.inf: "Infinity", -math.inf: "-Infinity"}
