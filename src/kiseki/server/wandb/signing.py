"""Addresses that carry their own permission: the client sends content to them without credentials.

A token is the base64 of what is allowed, until when, and an HMAC over both with a secret of the data folder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TypeVar

import msgspec

from kiseki.base.clock import wall_us
from kiseki.errors import Forbidden

LIFETIME_US = 24 * 3600 * 1_000_000
MAC_BYTES = 32


class Permit(msgspec.Struct, frozen=True, array_like=True):
    """What a token allows: `verb` (put, get, …) on a file of a run, in the name of a user.

    Of artifacts' files `content` is the MD5 in base64, and the verb says what `path` names.
    """

    verb: str
    user: int
    entity: str
    project: str
    run: str
    path: str
    until_us: int = 0
    content: str = ""


T = TypeVar("T")


class Signer:
    """Makes and reads tokens."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.sha256(b"kiseki signed addresses\0" + secret).digest()

    def sign(self, permit: Permit) -> str:
        """Return the token of a permit, good for a day."""
        until = wall_us() + LIFETIME_US
        data = msgspec.msgpack.encode(msgspec.structs.replace(permit, until_us=until))
        return base64.urlsafe_b64encode(self._mac(data) + data).decode().rstrip("=")

    def read(self, token: str, verb: str) -> Permit:
        """Return what a token allows. Raises Forbidden: not one of ours, over, or for something else."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        mac, data = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not data or not hmac.compare_digest(mac, self._mac(data)):
            raise Forbidden("this address is not one that this server gave", code="signature")
        permit = msgspec.msgpack.decode(data, type=Permit)
        if permit.verb != verb or permit.until_us < wall_us():
            raise Forbidden(
                "this address is not good any more; ask for a new one", code="signature"
            )
        return permit

    def _mac(self, data: bytes) -> bytes:
        return hmac.new(self._secret, data, hashlib.sha256).digest()
