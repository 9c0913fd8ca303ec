"""The one exception tree. Importable by every package; imports nothing of them.

Error
├─ UsageError              the caller's mistake, raised at once in the caller's thread
│  ├─ UsageValueError      …because a value is wrong in itself (also a ValueError)
│  ├─ UsageTypeError       …because a type is wrong (also a TypeError)
│  └─ RunStateError        log after finish, a forbidden resume
├─ ConfigError             a config value that may not change was changed
├─ CommError               talking to the server failed
│  ├─ AuthenticationError  missing, rejected or insufficient key
│  ├─ ServerError          the server answered no; carries status and its message
│  └─ TransportError       it did not answer: timeout, refused, TLS, or something that is not Kiseki
├─ DataError               bytes that should be ours and are not
│  ├─ CorruptRecord        carries path and offset
│  └─ UnsupportedVersion   written by a newer Kiseki
└─ PublicError             server side: safe to show; carries its HTTP status
   ├─ Invalid 400  ├─ Unauthenticated 401  ├─ Forbidden 403  ├─ NotFound 404
   ├─ Conflict 409 ├─ Gap 409              ├─ TooLarge 413   ├─ Busy 429
   └─ StorageFull 507
"""

from __future__ import annotations

__all__ = [
    "AuthenticationError",
    "Busy",
    "CommError",
    "ConfigError",
    "Conflict",
    "CorruptRecord",
    "DataError",
    "Error",
    "Forbidden",
    "Gap",
    "Invalid",
    "NotFound",
    "PublicError",
    "RunStateError",
    "ServerError",
    "StorageFull",
    "TooLarge",
    "TransportError",
    "Unauthenticated",
    "UnsupportedVersion",
    "UsageError",
    "UsageTypeError",
    "UsageValueError",
]


class Error(Exception):
    """Base of everything Kiseki raises; by itself: unknown or internal trouble during start."""


class UsageError(Error):
    """Invalid arguments, or a call that makes no sense now. Nothing was stored."""


class UsageValueError(UsageError, ValueError):
    """A value that is wrong in itself: bad literal, bad length, bad format."""


class UsageTypeError(UsageError, TypeError):
    """A value of a type that is not accepted."""


class RunStateError(UsageError):
    """The run is in a state that forbids the call: finished, or resumed where it may not be."""


class ConfigError(Error):
    """A config value that may not change was changed. The old value stays."""


class CommError(Error):
    """Trouble talking to the server."""


class AuthenticationError(CommError):
    """No valid credentials, or credentials that do not allow this."""


class ServerError(CommError):
    """The server answered, and the answer is no.

    Attributes:
        status: HTTP status of the answer.
        detail: decoded problem document of the server (may be empty).
    """

    def __init__(self, message: str, status: int, detail: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.detail: dict[str, object] = detail or {}


class TransportError(CommError):
    """The server did not answer: refused, timed out, TLS trouble, or a foreign answer."""


class DataError(Error):
    """Bytes that should be ours and are not."""


class CorruptRecord(DataError):
    """A record whose bytes do not check out.

    Attributes:
        path: file the bytes came from ("" when they came from memory).
        offset: byte offset of the damage in it.
    """

    def __init__(self, message: str, path: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.offset = offset


class UnsupportedVersion(DataError):
    """Written by a newer Kiseki than this one."""


class PublicError(Error):
    """Server side: an error whose message is safe to show to whoever asked."""

    status = 500
    title = "Internal error"

    def __init__(self, message: str, **extra: object) -> None:
        super().__init__(message)
        self.extra = extra


class Invalid(PublicError):
    status = 400
    title = "Invalid request"


class Unauthenticated(PublicError):
    status = 401
    title = "Not signed in"


class Forbidden(PublicError):
    status = 403
    title = "Not allowed"


class NotFound(PublicError):
    status = 404
    title = "Not found"


class Conflict(PublicError):
    status = 409
    title = "Conflict"


class Gap(Conflict):
    """Records are missing before the ones sent. `extra["next"]` is the sequence expected."""

    title = "Gap in the stream"


class TooLarge(PublicError):
    status = 413
    title = "Too large"


class Busy(PublicError):
    """A limit of the server is reached; `extra["retry_after"]` seconds later it may work."""

    status = 429
    title = "Busy"


class StorageFull(PublicError):
    """The disk of the server is full; what was sent is not stored."""

    status = 507
    title = "Disk full"
