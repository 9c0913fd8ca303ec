"""HTTP by hand, against sockets that answer with given bytes."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest

from kiseki.client.connection import HEADERS_MAX, Connection, ProtocolError

Play = Callable[[socket.socket], None]


@contextmanager
def playing(play: Play) -> Iterator[SplitResult]:
    """Serve one connection in a thread."""

    def run() -> None:
        peer, _ = listener.accept()
        with peer, suppress(ConnectionError):  # a client may go before it was told everything
            play(peer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield urlsplit(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(20)
        assert not thread.is_alive()


def request_of(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.recv(65536)
    return data


def answered(answer: bytes, piece: int = 0) -> tuple[int, bytes, bool]:
    """Return status, body and whether the connection ends, of an answer sent in pieces of a size."""

    def play(peer: socket.socket) -> None:
        request_of(peer)
        size = piece or max(1, len(answer))
        for at in range(0, len(answer), size):
            peer.sendall(answer[at : at + size])

    with playing(play) as url:
        connection = Connection(url, 20)
        try:
            found = connection.ask("GET", "/", {}, b"")
            body = b"".join(iter(lambda: found.read(7), b""))
            assert found.read(7) == b""
            return found.status, body, found.closes
        finally:
            connection.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize(
    ("answer", "status", "body", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world", 200, b"hello world", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
        (b"HTTP/1.1 200\r\n\r\nuntil the end", 200, b"until the end", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 507 Full\nContent-Length: 1\n\nx", 507, b"x", False),
        (CHUNKED + b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nTrailer: x\r\n\r\n", 200, b"hello world", False),
        (CHUNKED + b"0\r\n\r\n", 200, b"", False),
    ],
)  # fmt: skip
def test_bodies(answer: bytes, status: int, body: bytes, closes: bool, piece: int) -> None:
    assert answered(answer, piece) == (status, body, closes)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 two\r\n\r\n", b"\x00\xff" * 40_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (HEADERS_MAX + 1) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000, CHUNKED + b"zz\r\n", CHUNKED + b"5\r\nhel",
        CHUNKED + b"-5\r\nhello\r\n",
    ],
)  # fmt: skip
def test_what_is_no_answer(answer: bytes) -> None:
    with pytest.raises(ProtocolError):
        answered(answer)


def test_a_connection_closed_without_a_word_is_told_from_a_broken_answer() -> None:
    with pytest.raises(ConnectionResetError):
        answered(b"")


def test_requests() -> None:
    seen = []

    def play(peer: socket.socket) -> None:
        for length in (0, 3, 200_000, 0):
            data = request_of(peer)
            while len(data) < data.index(b"\r\n\r\n") + 4 + length:
                data += peer.recv(65536)
            seen.append(data)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with playing(play) as url:
        connection = Connection(url, 20)
        with pytest.raises(ValueError, match="line break"):
            connection.ask("GET", "/", {"Authorization": "a\r\nEvil: yes"}, b"")
        for method, body in (
            ("GET", b""),
            ("POST", b"abc"),
            ("POST", b"x" * 200_000),
            ("DELETE", b""),
        ):
            assert connection.ask(method, "/a?b=c", {"X": "y"}, body).read(1) == b""
        connection.close()
    assert seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: " + url.netloc.encode() + b"\r\n")
    assert b"\r\nX: y\r\n" in seen[0] and b"Content-Length" not in seen[0]
    assert seen[1].endswith(b"Content-Length: 3\r\n\r\nabc") and seen[2].endswith(
        b"\r\n\r\n" + b"x" * 200_000
    )
    assert seen[3].endswith(b"Content-Length: 0\r\n\r\n")


def test_lines_of_a_stream() -> None:
    def play(peer: socket.socket) -> None:
        request_of(peer)
        peer.sendall(CHUNKED + b"4\r\na\nbc\r\n3\r\nd\ne\r\n0\r\n\r\n")

    with playing(play) as url:
        connection = Connection(url, 20)
        assert list(connection.ask("GET", "/", {}, b"").lines()) == [b"a", b"bcd", b"e"]
        connection.close()


def test_silence_ends_after_the_timeout() -> None:
    over = threading.Event()
    with playing(lambda peer: over.wait(20) and None) as url:
        connection = Connection(url, 0.1)
        with pytest.raises(TimeoutError):
            connection.ask("GET", "/", {}, b"")
        connection.close()
        over.set()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=kiseki.example -addext"
    names = ["subjectAltName=DNS:kiseki.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked = []

    def play(peer: socket.socket) -> None:
        asked.append(request_of(peer))
        peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            inside = context.wrap_socket(peer, server_side=True)
        except ssl.SSLError:  # the certificate is not trusted
            return
        with inside:
            asked.append(request_of(inside))
            inside.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    url = urlsplit("https://kiseki.example")
    with playing(play) as proxy, pytest.raises(ssl.SSLCertVerificationError):
        Connection(url, 20, proxy)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with playing(play) as proxy:
        at = urlsplit(f"http://me:secret@{proxy.netloc}")
        connection = Connection(url, 20, at)
        assert connection.ask("GET", "/", {}, b"").read(9) == b"ok"
        connection.close()
    assert asked[1].startswith(
        b"CONNECT kiseki.example:443 HTTP/1.1\r\nHost: kiseki.example:443\r\n"
    )
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in asked[1]
    assert b"\r\nHost: kiseki.example\r\n" in asked[2]

    def refuse(peer: socket.socket) -> None:
        request_of(peer)
        peer.sendall(b"HTTP/1.1 407 Who are you\r\n\r\n")

    with playing(refuse) as proxy, pytest.raises(ProtocolError, match="407"):
        Connection(url, 20, proxy)
