"""Requests to a Kiseki server: one connection kept open, bounded in time and size, every answer checked.

No proxy is used for addresses of this machine; for others `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count
as usual.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import math
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import msgspec

from kiseki.base.version import __version__
from kiseki.client.credentials import is_loopback, normalised, shown_key
from kiseki.client.retry import is_retryable, retry_after_s
from kiseki.errors import AuthenticationError, ServerError, TransportError
from kiseki.record.codec import decode_value

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 512 * 1024 * 1024
UNCHECKED_VARIABLE = "INSECURE_DISABLE_SSL"
_READ_BYTES = 256 * 1024
_STREAM_BYTES = 1024 * 1024
_SLICE_BYTES = 64 * 1024
_DISK_BYTES_PER_S = 20_000_000
_NOT_IN_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Params = Mapping[str, Any]


class RejectedRecord(msgspec.Struct):
    """A record the server set aside, and why."""

    seq: int
    reason: str = ""


class AppendAnswer(msgspec.Struct):
    """The receipt of an append: everything before `next` is committed on the server.

    `run` stands in answers to bodies that hold an `Open`, and is otherwise None.
    """

    next: int
    receipt: str = ""
    stop: bool = False
    rejected: list[RejectedRecord] = []
    run: dict[str, Any] | None = None


_decode_append = msgspec.json.Decoder(AppendAnswer).decode
_decode_json = msgspec.json.Decoder().decode


class ConnectionRefused(TransportError):
    """Nobody listens at the address."""


class Client:
    """Talks to one server. Not for use by several threads at once.

    Args:
        base_url: address of the server; may have a path prefix.
        key: API key; "" to ask without.
        timeout: seconds for connecting, and for a whole answer to arrive.
        is_unchecked: accept any certificate; default: if `KISEKI_INSECURE_DISABLE_SSL` says so.
    """

    def __init__(
        self,
        base_url: str,
        key: str = "",
        timeout: float = TIMEOUT_S,
        is_unchecked: bool | None = None,
    ) -> None:
        self._is_unchecked = _is_unchecked() if is_unchecked is None else is_unchecked
        self.base_url = normalised(base_url)
        self.timeout = timeout
        self._url = urlsplit(self.base_url)
        self._connection: http.client.HTTPConnection | None = None
        self._set_key(key)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def _set_key(self, key: str) -> None:
        self._shown_key = shown_key(key) if key else ""
        self._headers = {
            "User-Agent": f"kiseki/{__version__}",
            "Accept": "application/json",
        }
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        """Close the connection. The next request opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        # People hold an `Api` for a line or two and never close it; that is no leak worth a warning.
        with contextlib.suppress(Exception):
            self.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Records

    def append(self, stream: str, body: bytes) -> AppendAnswer:
        """Send a zstd body of frames to `stream` (empty: a heartbeat); return the receipt.

        Raises:
            CommError: see `get_json`. `ServerError.detail` holds `code` and `next` of a gap.
        """
        path = f"/api/v1/streams/{stream}/records"
        data = self._ask("POST", path, body=body, sends="application/x-kiseki-records")
        try:
            answer = _decode_append(data)
        except msgspec.MsgspecError as error:
            raise self._foreign(f"not a receipt: {error}") from error
        if answer.receipt != "kiseki":
            raise self._foreign("an answer without Kiseki's receipt")
        return answer

    def stream_next(self, stream: str) -> int:
        """Return the sequence number the server expects next; 0 for a stream it does not know."""
        answer = self.get_json(f"/api/v1/streams/{stream}")
        if not isinstance(answer, dict) or not isinstance(answer.get("next"), int):
            raise self._foreign("an answer without `next`")
        return int(answer["next"])

    # Everything else

    def get_json(self, path: str, params: Params | None = None) -> Any:
        """Return a JSON answer.

        Raises:
            AuthenticationError: 401 or 403.
            ServerError: another answer that is not 2xx; its `detail` is the problem document.
            TransportError: no answer in time, connection refused, TLS trouble, or not Kiseki's answer.
        """
        return self._json(self._ask("GET", path, params))

    def get_msgpack(self, path: str, params: Params | None = None) -> Any:
        """Return a msgpack answer. Raises as `get_json`."""
        wanted = "application/x-msgpack"
        data = self._ask("GET", path, params, accepts=wanted)
        try:
            return decode_value(data)  # integers beyond 64 bits included
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            raise self._foreign(f"not msgpack: {error}") from error

    def post_json(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Send `body` as JSON; return the JSON answer, None for an empty one. Raises as `get_json`.

        `method` may also be PATCH or DELETE.
        """
        sent = b"" if body is None else msgspec.json.encode(body)
        data = self._ask(method, path, body=sent, sends="application/json")
        return self._json(data) if data else None

    def post_bytes(self, path: str, body: bytes, sends: str, accepts: str) -> bytes:
        """Send bytes of the type `sends`; return an answer of the type `accepts`. Raises as `get_json`."""
        return self._ask("POST", path, body=body, sends=sends, accepts=accepts)

    def put(self, path: str, pieces: Iterable[bytes], size: int) -> Any:
        """Send content of `size` bytes, piece by piece; return the JSON answer.

        It is sent once: after a failure the caller begins anew. What `pieces` raises passes through.

        Raises:
            CommError: as `get_json`.
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        try:
            if self._connection is None:
                self._connection = self._connect(self.timeout)
            connection = self._connection
            try:
                # Small slices: each has the whole timeout, also on a slow line.
                slices = (part for piece in pieces for part in _slices(piece))
                wanted = {**self._headers, **headers}
                connection.request("PUT", self._target(path, None), slices, wanted)
            except (BrokenPipeError, ConnectionResetError):
                pass  # a server that refuses answers before it has everything
            if connection.sock is not None:  # it puts all of it onto its disk first
                connection.sock.settimeout(self.timeout + size / _DISK_BYTES_PER_S)
            response = connection.getresponse()
            data = response.read()
            if response.will_close:
                self.close()
            else:
                connection.sock.settimeout(self.timeout)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._silent(error) from error
        except BaseException:
            self.close()
            raise
        self._check(response, data, "application/json")
        return self._json(data)

    def stream(self, path: str, params: Params | None = None) -> Iterator[bytes]:
        """Yield the content at an address in pieces, on a connection of its own.

        Raises:
            CommError: as `get_json`; also if the connection ends before the content does.
        """
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._connect(self.timeout)
            target = self._target(path, params)
            response = self._send(connection, "GET", target, b"", {"Accept": "*/*"})
            if response.status != 200:
                kind = (response.getheader("Content-Type") or "").partition(";")[0]
                self._check(response, response.read(_READ_BYTES), kind)
                raise self._foreign(f"status {response.status} for content")
            while piece := response.read(_STREAM_BYTES):
                yield piece
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            if connection is not None:
                connection.close()

    def stream_sse(self, path: str, params: Params | None = None) -> Iterator[tuple[str, str]]:
        """Yield (event, data) of a server-sent event stream until the server ends it.

        The connection is this generator's own. A silence longer than 45 s is a TransportError.
        """
        connection = self._connect(45.0)
        try:
            response = self._send(connection, "GET", self._target(path, params), b"", {})
            if response.status != 200:
                self._check(response, response.read(_READ_BYTES), "text/event-stream")
            event, data = "message", list[str]()
            while line := response.readline(1 << 20):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                name, _, value = text.partition(":")
                value = value.removeprefix(" ")
                if name == "event":
                    event = value
                elif name == "data":
                    data.append(value)
                elif not text:
                    if data:
                        yield event, "\n".join(data)
                    event, data = "message", []
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    # One request

    def _ask(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: bytes = b"",
        sends: str = "",
        accepts: str = "application/json",
    ) -> bytes:
        target = self._target(path, params)
        headers = {"Accept": accepts}
        if sends:
            headers["Content-Type"] = sends
        is_reused = self._connection is not None
        try:
            try:
                response, data = self._exchange(method, target, body, headers)
            except (ConnectionError, http.client.RemoteDisconnected, BrokenPipeError):
                # A server closes idle connections; every request of ours may be sent twice.
                if not is_reused:
                    raise
                self.close()
                response, data = self._exchange(method, target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._silent(error) from error
        except BaseException:
            self.close()
            raise
        self._check(response, data, accepts)
        return data

    def _exchange(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        deadline = time.monotonic() + self.timeout
        if self._connection is None:
            self._connection = self._connect(self.timeout)
        response = self._send(self._connection, method, target, body, headers)
        parts, size = [], 0
        while part := response.read1(_READ_BYTES):
            parts.append(part)
            size += len(part)
            if size > ANSWER_BYTES_MAX:
                raise http.client.HTTPException(
                    f"an answer of more than {ANSWER_BYTES_MAX:,} bytes"
                )
            if time.monotonic() > deadline:
                raise TimeoutError("the answer did not arrive in time")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        # `read1` does not close a response it has read to the end (Python < 3.12); until then the
        # connection refuses another request.
        response.close()
        response.close()  # `read1` does not notice the end; the connection stays open
        if response.will_close:
            self.close()
        return response, b"".join(parts)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes,
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        wanted = {**self._headers, **headers}
        connection.request(method, target, body if method != "GET" else None, wanted)
        return connection.getresponse()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        url = self._url
        host, port = url.hostname or "", url.port
        proxy = _proxy_for(url) if not is_loopback(self.base_url) else None
        at = (proxy.hostname or "", proxy.port or 80) if proxy is not None else (host, port)
        connection: http.client.HTTPConnection
        if url.scheme == "https":
            import ssl

            context = ssl.create_default_context()
            if self._is_unchecked:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(at[0], at[1], timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(at[0], at[1], timeout=timeout)
        if proxy is not None:
            headers = {}
            if proxy.username:
                pair = f"{proxy.username}:{proxy.password or ''}".encode()
                headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
            connection.set_tunnel(host, port or (443 if url.scheme == "https" else 80), headers)
        connection._create_connection = _opened_socket  # type: ignore[attr-defined]
        connection.connect()
        with contextlib.suppress(OSError):
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _target(self, path: str, params: Params | None) -> str:
        target = self._url.path + quote(path, safe="/-._~!$&'()*+,;=:@%")
        if params:
            given = {name: value for name, value in params.items() if value is not None}
            if given:
                target += "?" + urlencode(given, doseq=True)
        return target

    # Answers

    def _check(self, response: http.client.HTTPResponse, data: bytes, accepts: str) -> None:
        """Raise unless the answer is a good one, of the type asked for."""
        status = response.status
        got = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        if 200 <= status < 300:
            if got != accepts and not (status == 204 or not data):
                raise self._foreign(f"{got or 'no type'} instead of {accepts}")
            return
        detail = _problem(got, data)
        said = str(detail.get("detail") or detail.get("title") or response.reason or "no reason")
        if status in (401, 403):
            which = f" with the key {self._shown_key}" if self._shown_key else " without a key"
            raise AuthenticationError(f"{self.base_url} answered {status}{which}: {said}")
        if not detail and not is_retryable(status):
            raise self._foreign(f"status {status} that is not Kiseki's")
        wait = retry_after_s(response.getheader("Retry-After"))
        if wait is not None:
            detail.setdefault("retry_after", wait)
        raise ServerError(f"{self.base_url} answered {status}: {said}", status, detail)

    def _json(self, data: bytes) -> Any:
        try:
            return _decode_json(data)
        except msgspec.MsgspecError as error:
            raise self._foreign(f"not JSON: {error}") from error

    def _foreign(self, what: str) -> TransportError:
        return TransportError(
            f"what answers at {self.base_url} is not a Kiseki server, or something stands between ({what})"
        )

    def _silent(self, error: Exception) -> TransportError:
        if isinstance(error, ConnectionRefusedError):
            return ConnectionRefused(f"nothing answers at {self.base_url} (connection refused)")
        if isinstance(error, TimeoutError):
            return TransportError(
                f"{self.base_url} does not answer (timed out after {self.timeout:g} s)"
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return TransportError(f"{self.base_url} cannot be reached ({reason})")


def _opened_socket(address: tuple[str, int], *args: Any) -> socket.socket:
    """Connect as `http.client` does, without the `idna` codec, which Python loads for hosts given as text."""
    host, port = address
    name: Any = host.encode() if host.isascii() else host
    return socket.create_connection((name, port), *args)


def _is_unchecked() -> bool:
    said = (os.environ.get(prefix + UNCHECKED_VARIABLE) for prefix in ("KISEKI_", "WANDB_"))
    return next(filter(None, said), "").lower() in ("1", "true", "yes", "on")


def numbers_of(value: Any) -> Any:
    """Return a JSON value of an answer with the numbers that JSON lacks; they travel as text."""
    if isinstance(value, str):
        return _NOT_IN_JSON.get(value, value)
    if isinstance(value, dict):
        return {key: numbers_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers_of(item) for item in value]
    return value


def _slices(data: bytes) -> Iterator[memoryview]:
    view = memoryview(data)
    return (view[at : at + _SLICE_BYTES] for at in range(0, len(view), _SLICE_BYTES))


def _problem(content_type: str, data: bytes) -> dict[str, object]:
    """Return the problem document of an answer, {} if it is none."""
    if content_type != "application/problem+json":
        return {}
    with contextlib.suppress(ValueError):
        found = json.loads(data)
        if isinstance(found, dict):
            return found
    return {}


def _proxy_for(url: SplitResult) -> SplitResult | None:
    names = (f"{url.scheme}_proxy", f"{url.scheme.upper()}_PROXY")
    if not any(map(os.environ.get, names)):
        return None
    from urllib.request import getproxies, proxy_bypass  # slow to load

    found = getproxies().get(url.scheme)
    if not found or proxy_bypass(url.netloc):
        return None
    return urlsplit(found if "://" in found else "http://" + found)
