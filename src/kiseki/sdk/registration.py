"""Making a run known to the server while `init` waits, for a bounded time
(design §3, "`init` and the network").
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kiseki.client import credentials
from kiseki.client.credentials import Target
from kiseki.client.http import Client, numbers_of
from kiseki.client.retry import is_retryable
from kiseki.errors import (
    AuthenticationError,
    CommError,
    DataError,
    Error,
    RunStateError,
    ServerError,
    UsageError,
)
from kiseki.record import keypath
from kiseki.record.codec import compress
from kiseki.record.fold import Definition, RunState, Tracked
from kiseki.record.types import Open
from kiseki.sdk.link import Place, place_of
from kiseki.sdk.summary import RESERVED
from kiseki.uploader.messages import code_of

if TYPE_CHECKING:
    from kiseki.sdk.earlier import Restored

PAUSE_SECONDS = 0.25
WITHDRAW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Registered:
    """What the server said about the run.

    Attributes:
        place: where it is to be seen.
        restored: what it goes on from, None for a run that begins.
        save_code: whether the user's settings ask for the program to be stored (I-70).
    """

    place: Place
    restored: Restored | None
    save_code: bool


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


def register(
    target: Target,
    opening: Open,
    frames: bytes,
    timeout: float,
    is_unchecked: bool | None = None,
) -> Registered | Unreachable:
    """Send the first records of a stream; return what the server says about the run.

    Args:
        target: the server.
        opening: the first record.
        frames: all records so far.
        timeout: seconds until the server counts as unreachable.
        is_unchecked: accept any certificate.

    Raises:
        AuthenticationError: the server wants another key.
        CommError: the server answered that it will not have this run.
        UsageError: the run is alive on another process, or is there though it must not be.
    """
    deadline = time.monotonic() + timeout
    body = compress(frames)
    client = Client(target.base_url, target.key, timeout, is_unchecked)
    try:
        while True:
            try:
                return registered(client.append(opening.stream, body).run or {}, opening)
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


def registered(answer: Mapping[str, Any], opening: Open) -> Registered:
    """Return the answer to an `Open` in our words."""
    defaults = answer.get("defaults") or {}
    return Registered(
        place_of(dict(answer)), _restored(answer, opening), bool(defaults.get("save_code"))
    )


def _restored(answer: Mapping[str, Any], opening: Open) -> Restored | None:
    """Return what the server hands over; None for a run that begins."""
    if not answer.get("resumed") and "config" not in answer:
        return None
    from kiseki.sdk.earlier import Restored  # reads journals, which a run that begins need not

    is_resumed = opening.parent_run in (None, opening.run)
    found = numbers_of({name: answer.get(name) or {} for name in ("config", "summary")})
    summary = {key: value for key, value in found["summary"].items() if key not in RESERVED}
    state = RunState(
        name=answer.get("name") or "",
        notes=answer.get("notes") or "",
        tags=list(answer.get("tags") or ()),
        group=answer.get("group") or "",
        job_type=answer.get("job_type") or "",
        started_us=(is_resumed and answer.get("started_us")) or opening.started_us,
        next_step=answer.get("next_step") or 0,
        rows=answer.get("rows") or (1 if found["summary"].get("_step") is not None else 0),
        runtime_us=answer.get("runtime_us") or 0,
        last_us=int((found["summary"].get("_timestamp") or 0) * 1e6),
        config=found["config"],
        values=dict(keypath.flatten(summary)),
    )
    state.levels = {prefix for path in state.values for prefix in keypath.prefixes(path)}
    for raw in answer.get("definitions") or ():
        definition = _struct(Definition, raw)
        state.definitions[definition.name] = definition
    for path, raw in (answer.get("aggregates") or {}).items():
        state.tracked[path] = _struct(Tracked, numbers_of(raw))
    return Restored(state, is_resumed)


def _struct(kind: Any, raw: Mapping[str, Any]) -> Any:
    return kind(**{name: raw[name] for name in kind.__struct_fields__ if name in raw})


def withdraw(target: Target, stream: str, frames: bytes) -> None:
    """Tell the server that a run it may know was ended before it began (I-81). Bounded; raises nothing.

    Args:
        frames: all records of the stream, `Finish` the last of them.
    """
    with (
        contextlib.suppress(CommError, DataError),
        Client(target.base_url, target.key, WITHDRAW_SECONDS) as client,
    ):
        if client.stream_next(stream):
            client.append(stream, compress(frames))


def anonymous_target(target: Target, timeout: float) -> Target | None:
    """Return this server with the key of an anonymous account, made if there is none yet (I-48).

    None if the server makes no anonymous accounts.

    Raises:
        CommError: the server does not answer.
    """
    known = credentials.read_anonymous(target.base_url)
    if known is not None:
        return Target(target.base_url, known.key)
    with Client(target.base_url, "", timeout) as client:
        try:
            answer = client.post_json("/api/v1/anonymous")
        except AuthenticationError:
            return None
        except ServerError as error:
            if is_retryable(error.status):
                raise
            return None
    account = credentials.Anonymous(str(answer["key"]), str(answer["url"]))
    credentials.write_anonymous(target.base_url, account)
    return Target(target.base_url, account.key)


def explained(error: ServerError, opening: Open) -> Error:
    """Return the error of a refused run in words that say what to change."""
    code = error.detail.get("code")
    run, parent = repr(opening.run), opening.parent_run
    if code == "alive":
        host, pid = error.detail.get("host"), error.detail.get("pid")
        return UsageError(
            f"the run {run} is still alive on {host} (process {pid}). End that process first, log to the "
            "same run from both with mode='shared', or give another id"
        )
    if code == "exists":
        return RunStateError(
            f"the run {run} exists already, and resume='never' does not allow to go on with it: give "
            "another id, or resume='allow'"
        )
    if code == "entity":
        whose = f"the entity {opening.entity!r} does not exist or is not yours to write to"
        text = f"{whose} (argument entity). {error}"
    elif code == "deleted":
        text = f"the id {run} belongs to a deleted run and stays taken: choose another. {error}"
    elif code == "absent" and parent is None:
        text = f"there is no run {run} in this project, and resume='must' needs one. {error}"
    elif code == "absent":
        text = f"there is no run {parent!r} in this project to go on from. {error}"
    elif code == "step":
        text = f"the run {parent!r} has no step {opening.parent_step}. {error}"
    else:
        text = str(error)
    return ServerError(text, error.status, error.detail)
