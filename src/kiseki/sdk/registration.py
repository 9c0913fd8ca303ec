"""Making a run known to the server while `init` waits, for a bounded time
(design §3, "`init` and the network").
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from kiseki.client.credentials import Target
from kiseki.client.http import Client
from kiseki.client.retry import is_retryable
from kiseki.errors import AuthenticationError, CommError, Error, ServerError, UsageError
from kiseki.record.codec import compress
from kiseki.record.types import Open
from kiseki.sdk.link import Place, place_of
from kiseki.uploader.messages import code_of

PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The server did not answer in time, or not usefully."""

    error: CommError

    @property
    def code(self) -> str:
        return code_of(self.error)

    def text(self, folder: str) -> str:
        """Return what the person is told (reliability §6)."""
        return (
            f"{self.error}. [{self.code}]\n"
            f"the run is recorded in {folder}; it is uploaded by itself when the server is there.\n"
            f"to start one: kiseki server; to upload later: kiseki sync {folder}"
        )


def register(target: Target, opening: Open, frames: bytes, timeout: float) -> Place | Unreachable:
    """Send the first records of a stream; return where the run is to be seen.

    Raises:
        AuthenticationError: the server wants another key.
        CommError: the server answered that it will not have this run.
        UsageError: the run is alive on another process.
    """
    deadline = time.monotonic() + timeout
    body = compress(frames)
    client = Client(target.base_url, target.key, timeout)
    try:
        while True:
            try:
                return place_of(client.append(opening.stream, body).run)
            except AuthenticationError:
                raise
            except ServerError as error:
                if not is_retryable(error.status):
                    raise explained(error, opening) from error
                trouble: CommError = error
            except CommError as error:
                return Unreachable(error)
            client.close()
            left = deadline - time.monotonic()
            if left <= PAUSE_SECONDS:
                return Unreachable(trouble)
            time.sleep(PAUSE_SECONDS)
            client.timeout = left - PAUSE_SECONDS
    finally:
        client.close()


def explained(error: ServerError, opening: Open) -> Error:
    """Return the error of a refused run in words that say what to change."""
    code = error.detail.get("code")
    if code == "alive":
        host, pid = error.detail.get("host"), error.detail.get("pid")
        return UsageError(
            f"the run {opening.run!r} is still alive on {host} (process {pid}). Give another id, or end "
            "that process first"
        )
    if code == "entity":
        whose = f"the entity {opening.entity!r} does not exist or is not yours to write to"
        text = f"{whose} (argument entity). {error}"
    elif code == "deleted":
        text = f"the id {opening.run!r} belongs to a deleted run and stays taken: choose another. {error}"
    else:
        text = str(error)
    return ServerError(text, error.status, error.detail)
