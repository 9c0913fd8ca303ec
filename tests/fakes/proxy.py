"""A TCP proxy in front of the real server that can misbehave: the network as it is on a bad day."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Literal

Mode = Literal["pass", "hang", "reset", "500", "429", "html", "empty", "cut_answer", "trickle"]

_ANSWERS = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops",
    "429": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n",
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 43\r\nConnection: close\r\n\r\n"
    b"<html><body>Please accept the terms.</body>",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}


class Proxy:
    """Listens on a port of 127.0.0.1; `mode` may be changed at any time and holds for new requests.

    `hang` accepts and never answers; `cut_answer` lets the request through and closes before the answer (the
    server has committed, the client does not know); `trickle` passes one byte at a time.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.mode: Mode = "pass"
        self.requests = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def misbehave(self, mode: Mode) -> None:
        """Change the mode and drop the connections that are open, so that the next request meets it."""
        self.mode = mode
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.misbehave("reset")

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.requests += 1
        try:
            if self.mode in _ANSWERS:
                client.settimeout(2)
                with contextlib.suppress(OSError):
                    client.recv(1 << 20)
                client.sendall(_ANSWERS[self.mode])
            elif self.mode == "hang":
                while client.recv(1 << 16):
                    pass
            elif self.mode != "reset":
                self._pass(client)
        except OSError:
            pass
        finally:
            self._open.discard(client)
            client.close()

    def _pass(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self.target_port)) as upstream:
            self._open.add(upstream)

            def answers() -> None:
                with contextlib.suppress(OSError):
                    while data := upstream.recv(1 << 16):
                        if self.mode == "cut_answer":
                            break
                        self._send(client.sendall, data)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

            back = threading.Thread(target=answers, daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(1 << 16):
                    self._send(upstream.sendall, data)
                upstream.shutdown(socket.SHUT_WR)
            back.join()
            self._open.discard(upstream)

    def _send(self, send: Callable[[bytes], object], data: bytes) -> None:
        if self.mode == "trickle":
            for i in range(len(data)):
                send(data[i : i + 1])
        else:
            send(data)
