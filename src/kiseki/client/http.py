"""Requests to a Kiseki server: one connection kept open, bounded in time and size, every answer checked.

No proxy is used for addresses of this machine; for others `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count
as usual.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import msgspec

from kiseki.base.version import __version__
from kiseki.client.connection import Answer, Connection, ProtocolError
from kiseki.client.credentials import is_loopback, normalised, shown_key
from kiseki.client.retry import is_retryable, retry_after_s
from kiseki.errors import AuthenticationError, ServerError, TransportError
from kiseki.record.codec import decode_value

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 512 * 1024 * 1024
SSE_SILENCE_S = 45.0
_READ_BYTES = 256 * 1024

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
    """

    def __init__(self, base_url: str, key: str = "", timeout: float = TIMEOUT_S) -> None:
        self.base_url = normalised(base_url)
        self.timeout = timeout
        self._url = urlsplit(self.base_url)
        self._connection: Connection | None = None
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

    def stream_sse(self, path: str, params: Params | None = None) -> Iterator[tuple[str, str]]:
        """Yield (event, data) of a server-sent event stream until the server ends it.

        The connection is this generator's own. A silence longer than `SSE_SILENCE_S` is a TransportError.
        """
        target = self._target(path, params)
        try:
            connection = self._connect(SSE_SILENCE_S)
        except OSError as error:
            raise self._silent(error) from error
        try:
            answer = connection.ask("GET", target, self._headers, b"")
            if answer.status != 200:
                self._check(answer, answer.read(_READ_BYTES), "text/event-stream")
            event, data = "message", list[str]()
            for line in answer.lines():
                text = line.decode("utf-8", "replace").rstrip("\r")
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
        except OSError as error:
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
                answer, data = self._exchange(method, target, body, headers)
            except ConnectionError:
                # A server closes idle connections; every request of ours may be sent twice.
                if not is_reused:
                    raise
                self.close()
                answer, data = self._exchange(method, target, body, headers)
        except ConnectionRefusedError as error:
            self.close()
            raise ConnectionRefused(
                f"nothing answers at {self.base_url} (connection refused)"
            ) from error
        except OSError as error:
            self.close()
            raise self._silent(error) from error
        except BaseException:
            self.close()
            raise
        self._check(answer, data, accepts)
        return data

    def _exchange(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[Answer, bytes]:
        deadline = time.monotonic() + self.timeout
        if self._connection is None:
            self._connection = self._connect(self.timeout)
        answer = self._connection.ask(method, target, {**self._headers, **headers}, body)
        parts, size = [], 0
        while part := answer.read(_READ_BYTES):
            parts.append(part)
            size += len(part)
            if size > ANSWER_BYTES_MAX:
                raise ProtocolError(f"an answer of more than {ANSWER_BYTES_MAX:,} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError("the answer did not arrive in time")
        if answer.closes:
            self.close()
        return answer, b"".join(parts)

    def _connect(self, timeout: float) -> Connection:
        proxy = None if is_loopback(self.base_url) else _proxy_for(self._url)
        return Connection(self._url, timeout, proxy)

    def _target(self, path: str, params: Params | None) -> str:
        target = self._url.path + quote(path, safe="/-._~!$&'()*+,;=:@%")
        if params:
            given = {name: value for name, value in params.items() if value is not None}
            if given:
                target += "?" + urlencode(given, doseq=True)
        return target

    # Answers

    def _check(self, answer: Answer, data: bytes, accepts: str) -> None:
        """Raise unless the answer is a good one, of the type asked for."""
        status = answer.status
        got = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if 200 <= status < 300:
            if got != accepts and not (status == 204 or not data):
                raise self._foreign(f"{got or 'no type'} instead of {accepts}")
            return
        detail = _problem(got, data)
        said = str(detail.get("detail") or detail.get("title") or answer.reason or "no reason")
        if status in (401, 403):
            which = f" with the key {self._shown_key}" if self._shown_key else " without a key"
            raise AuthenticationError(f"{self.base_url} answered {status}{which}: {said}")
        if not detail and not is_retryable(status):
            raise self._foreign(f"status {status} that is not Kiseki's")
        wait = retry_after_s(answer.headers.get("retry-after"))
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
        if isinstance(error, TimeoutError):
            return TransportError(
                f"{self.base_url} does not answer (timed out after {self.timeout:g} s)"
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return TransportError(f"{self.base_url} cannot be reached ({reason})")


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
