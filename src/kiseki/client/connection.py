"""One HTTP/1.1 connection: a request, its answer, and again. No redirects, cookies or compression.

Written out because `http.client` takes 12 ms to load, half of what `init` may cost, for e-mail headers and
TLS that a server on this machine has no use for.
"""

from __future__ import annotations

import base64
import contextlib
import io
import socket
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult

LINE_BYTES_MAX = 64 * 1024
HEADERS_MAX = 200
DEFAULT_PORTS = {"http": 80, "https": 443}


class ProtocolError(OSError):
    """What came over the connection is no HTTP, or only a part of an answer."""


class Head(NamedTuple):
    """Status line and headers of an answer; header names in lower case."""

    version: str
    status: int
    reason: str
    headers: dict[str, str]


class Answer:
    """An answer whose body is read piece by piece."""

    def __init__(self, head: Head, file: io.BufferedReader) -> None:
        self.status, self.reason, self.headers = head.status, head.reason, head.headers
        self._file = file
        self._is_chunked = self.headers.get("transfer-encoding", "").lower().endswith("chunked")
        self._left: int | None = 0  # of the body or the chunk; None: until the connection is closed
        if not self._is_chunked:
            self._left = None if self.status not in (204, 304) else 0
            if (length := self.headers.get("content-length")) is not None:
                if not (length.isascii() and length.isdigit()):
                    raise ProtocolError(f"a length of {length[:20]!r}")
                self._left = int(length)
        self._is_over = not self._is_chunked and self._left == 0
        option = self.headers.get("connection", "").lower()
        is_kept = option == "keep-alive" or (head.version == "HTTP/1.1" and option != "close")
        self.closes = not is_kept or self._left is None

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end.

        Raises:
            ProtocolError: the answer broke off.
            OSError: the connection is lost; TimeoutError: nothing came in time.
        """
        if self._is_over:
            return b""
        if self._is_chunked and self._left == 0 and not self._next_chunk():
            return b""
        wanted = size if self._left is None else min(size, self._left)
        data = self._file.read1(wanted)
        if self._left is None:
            self._is_over = not data
            return data
        if not data:
            raise ProtocolError("the answer broke off")
        self._left -= len(data)
        if self._left == 0:
            if self._is_chunked:
                _line(self._file)
            else:
                self._is_over = True
        return data

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the body as they come."""
        rest = b""
        while data := self.read(LINE_BYTES_MAX):
            *whole, rest = (rest + data).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def _next_chunk(self) -> bool:
        digits = _line(self._file).partition(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise ProtocolError(f"a chunk of the length {digits[:20]!r}")
        self._left = int(digits, 16)
        if self._left == 0:
            while _line(self._file).strip():
                pass
            self._is_over = True
        return self._left > 0


class Connection:
    """An open connection.

    Args:
        url: address of the server; only scheme, host and port count.
        timeout: seconds for connecting, and for each silence.
        proxy: goes through this HTTP proxy by CONNECT.

    Raises:
        OSError: no connection; ssl errors are among them.
    """

    def __init__(self, url: SplitResult, timeout: float, proxy: SplitResult | None = None) -> None:
        host, port = url.hostname or "", url.port or DEFAULT_PORTS[url.scheme]
        shown = f"[{host}]" if ":" in host else host
        self._host = shown if port == DEFAULT_PORTS[url.scheme] else f"{shown}:{port}"
        at = (host, port) if proxy is None else (proxy.hostname or "", proxy.port or 80)
        self._socket = socket.create_connection(at, timeout)
        try:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if proxy is not None:
                self._tunnel(f"{shown}:{port}", proxy)
            if url.scheme == "https":
                import ssl

                context = ssl.create_default_context()
                self._socket = context.wrap_socket(self._socket, server_hostname=host)
            self._file = self._socket.makefile("rb")
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and return its answer, whose body is still to be read.

        Raises:
            ConnectionError: the server closed the connection without a word.
            ProtocolError, OSError, TimeoutError: no answer, or none of HTTP.
        """
        wanted = {"Host": self._host, "Accept-Encoding": "identity", **headers}
        if body or method != "GET":
            wanted["Content-Length"] = str(len(body))
        head = _request(f"{method} {target}", wanted)
        if len(body) < LINE_BYTES_MAX:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)
        while (answer := _head(self._file)).status < 200:
            pass  # 100 Continue
        return Answer(answer, self._file)

    def _tunnel(self, to: str, proxy: SplitResult) -> None:
        headers = {"Host": to}
        if proxy.username:
            pair = f"{proxy.username}:{proxy.password or ''}".encode()
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
        self._socket.sendall(_request(f"CONNECT {to}", headers))
        with self._socket.makefile(
            "rb", buffering=0
        ) as file:  # what follows is not to be read here
            head = _head(file)
        if head.status != 200:
            raise ProtocolError(f"the proxy {proxy.hostname} answered {head.status} {head.reason}")


def _request(what: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{what} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a request header")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _line(file: io.IOBase) -> bytes:
    line = file.readline(LINE_BYTES_MAX + 1)
    if len(line) > LINE_BYTES_MAX:
        raise ProtocolError("a line that does not end")
    if not line.endswith(b"\n"):
        raise ProtocolError("the answer broke off")
    return line


def _head(file: io.IOBase) -> Head:
    first = file.readline(LINE_BYTES_MAX)
    if not first:
        raise ConnectionResetError("the server closed the connection without an answer")
    version, _, rest = first.decode("latin-1").strip().partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
        raise ProtocolError(f"no HTTP: {first[:40]!r}")
    headers: dict[str, str] = {}
    for _ in range(HEADERS_MAX):
        line = _line(file).decode("latin-1").rstrip("\r\n")
        if not line:
            return Head(version, int(code), reason, headers)
        name, colon, value = line.partition(":")
        if not colon:
            raise ProtocolError(f"no header: {line[:40]!r}")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise ProtocolError("more headers than an answer has")
