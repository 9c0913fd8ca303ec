"""Requests against a real HTTP server: typed errors, checked receipts, kept connections."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from kiseki.client.http import Client, ConnectionRefused
from kiseki.client.retry import RetryPolicy, is_retryable, retry_after_s
from kiseki.errors import AuthenticationError, ServerError, TransportError
from kiseki.record.codec import compress
from kiseki.record.frame import pack
from tests.fakes.record_server import KEY, RecordServer

STREAM = "ab" * 16
BODY = compress(pack(3, 0, b"\x94\x00\x00\x00\x00"))


@pytest.fixture
def fake() -> Iterator[RecordServer]:
    with RecordServer() as server:
        yield server


def test_append_returns_the_receipt_and_keeps_the_connection(fake: RecordServer) -> None:
    with Client(fake.url, KEY) as client:
        assert client.append(STREAM, BODY).next == 1
        first = client._connection
        assert client.append(STREAM, BODY).next == 1  # again: skipped
        assert client.append(STREAM, b"").next == 1
        assert client.stream_next(STREAM) == 1
        assert client.stream_next("cd" * 16) == 0
        assert client._connection is first is not None


def test_a_connection_the_server_closed_is_replaced(fake: RecordServer) -> None:
    with Client(fake.url, KEY) as client:
        client.append(STREAM, BODY)
        assert client._connection is not None
        client._connection.sock.shutdown(socket.SHUT_RDWR)
        assert client.append(STREAM, BODY).next == 1


@pytest.mark.parametrize("fault", ["html", "empty", "cut"])
def test_a_2xx_that_is_no_receipt_is_a_failure(fake: RecordServer, fault: str) -> None:
    fake.faults.append(fault)  # reliability 2.3: proxies and captive portals answer 200 too
    with Client(fake.url, KEY) as client:
        with pytest.raises(TransportError):
            client.append(STREAM, BODY)
        assert client.append(STREAM, BODY).next == 1


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503, 507])
def test_answers_that_say_no_carry_status_and_detail(fake: RecordServer, status: int) -> None:
    fake.faults.append(str(status))
    with Client(fake.url, KEY) as client, pytest.raises(ServerError, match="injected") as caught:
        client.append(STREAM, BODY)
    assert caught.value.status == status and caught.value.detail["code"] == "injected"
    assert (caught.value.detail.get("retry_after") == 0.1) is (status == 429)
    assert fake.url in str(caught.value)


def test_a_wrong_key_is_named_by_its_prefix_only(fake: RecordServer) -> None:
    wrong = "ksk_wrongkey" + "x" * 40
    with Client(fake.url, wrong) as client, pytest.raises(AuthenticationError) as caught:
        client.append(STREAM, BODY)
    assert "401" in str(caught.value) and "ksk_wron…" in str(caught.value)
    assert wrong not in str(caught.value) and wrong not in repr(client)


def test_nobody_listens(fake: RecordServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(ConnectionRefused):
        client.append(STREAM, BODY)


def test_a_server_that_hangs_or_trickles_is_left_after_the_timeout() -> None:
    def serve(listener: socket.socket, answer: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
            stop.wait(10)

    stop = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    for answer in (b"", head):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener, answer))
            thread.start()
            port = listener.getsockname()[1]
            with Client(f"http://127.0.0.1:{port}", timeout=0.2) as client:
                with pytest.raises(TransportError, match="timed out"):
                    client.append(STREAM, BODY)
            stop.set()
            thread.join()
            stop.clear()


def test_something_that_does_not_speak_http() -> None:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with Client(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            with pytest.raises(TransportError):
                client.get_json("/-/health")
        thread.join()


def test_retry_pauses_grow_jitter_and_honour_the_server() -> None:
    policy = RetryPolicy()
    rng = random.Random(1)
    for failures in range(1, 40):
        ceiling = min(60.0, 2.0 ** (failures - 1))
        pauses = [policy.pause(failures, rng.random) for _ in range(50)]
        assert 0 < min(pauses) < max(pauses) <= ceiling
    assert policy.pause(1, rng.random, retry_after_s=7) >= 7
    assert policy.pause(1, rng.random, retry_after_s=1e9) <= 600
    assert policy.pause(30, rng.random, is_refused_loopback=True) == 1.0
    assert [s for s in (200, 400, 401, 408, 409, 425, 429, 500, 507) if is_retryable(s)] == [
        408, 425, 429, 500, 507,
    ]  # fmt: skip
    assert retry_after_s("3") == 3 and retry_after_s("soon") is None and retry_after_s(None) is None
