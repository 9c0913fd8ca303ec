"""Which server, and with which key.

Address: argument, `KISEKI_BASE_URL`, `WANDB_BASE_URL`, else the server on this machine.
Key: argument, `KISEKI_API_KEY`, the credentials file, `.netrc`. `WANDB_*` count only as a pair: the
key of another service is never sent to this one, nor ours to it (design §3.6).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from kiseki.client.folders import config_dir, write_private
from kiseki.errors import UsageValueError

DEFAULT_BASE_URL = "http://127.0.0.1:7500"
KEY_CHARACTERS_MIN = 40
# In front of an address in the credentials file: the key and the link of an anonymous account there.
_ANONYMOUS, _ANONYMOUS_LINK = "anonymous ", "anonymous-link "


@dataclass(frozen=True, slots=True)
class Target:
    """A server and the key for it; `key` is "" when none is known."""

    base_url: str
    key: str = field(default="", repr=False)


def normalised(base_url: str) -> str:
    """Return an address in its one spelling: host in lower case, no default port, no `/` at the end.

    Raises:
        UsageValueError: not an http(s) address, or one with a user name, query or fragment.
    """
    text = base_url.strip()
    if "://" not in text:
        text = "http://" + text
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageValueError(f"not a server address: {base_url!r} ({error})") from error
    if parts.scheme not in ("http", "https") or not host:
        raise UsageValueError(f"not a server address: {base_url!r}; example: {DEFAULT_BASE_URL}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageValueError(
            "a server address has no user name, password, query or fragment; give the key with "
            "`kiseki login` or KISEKI_API_KEY"
        )
    shown = f"[{host}]" if ":" in host else host
    if port not in (None, {"http": 80, "https": 443}[parts.scheme]):
        shown += f":{port}"
    return f"{parts.scheme}://{shown}{parts.path.rstrip('/')}"


def is_loopback(base_url: str) -> bool:
    """Return whether an address is this machine's own."""
    host = urlsplit(base_url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def aliases(base_url: str) -> list[str]:
    """Return the spellings of a normalised address that mean the same server, itself first."""
    parts = urlsplit(base_url)
    names = ["127.0.0.1", "localhost", "[::1]"]
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    if host not in names:
        return [base_url]
    port = f":{parts.port}" if parts.port else ""
    others = [f"{parts.scheme}://{name}{port}{parts.path}" for name in names if name != host]
    return [base_url, *others]


def resolve(
    base_url: str | None = None,
    key: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Target:
    """Return the server to talk to and the key for it.

    Raises:
        UsageValueError: the address is none.
    """
    env = os.environ if environ is None else environ
    address = normalised(base_url or _address(env))
    # Keys come from files and secret stores, often with the line break behind them.
    return Target(address, (key or _key(address, env)).strip())


def _address(env: Mapping[str, str]) -> str:
    if own := env.get("KISEKI_BASE_URL"):
        return own
    if env.get("WANDB_BASE_URL") and not env.get("KISEKI_API_KEY"):
        return env["WANDB_BASE_URL"]
    return DEFAULT_BASE_URL


def _key(address: str, env: Mapping[str, str]) -> str:
    if own := env.get("KISEKI_API_KEY"):
        return own
    if (theirs := env.get("WANDB_API_KEY")) and (paired := env.get("WANDB_BASE_URL")):
        try:
            if normalised(paired) in aliases(address):
                return theirs
        except UsageValueError:  # not an address: then there is no pair
            pass
    known = read_credentials()
    found = next((known[alias] for alias in aliases(address) if alias in known), "")
    return found or _netrc_key(address, env)


def credentials_path() -> Path:
    """Return the path of the credentials file: JSON `{address: key}`, mode 0600."""
    return config_dir() / "credentials"


def read_credentials() -> dict[str, str]:
    """Return the keys by normalised address; an absent or unreadable file is an empty one."""
    try:
        found = json.loads(credentials_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): key for name, key in found.items() if isinstance(key, str)}


def write_key(base_url: str, key: str) -> None:
    """Remember `key` for an address, in place of an earlier one."""
    known = read_credentials()
    known[normalised(base_url)] = key
    write_private(credentials_path(), json.dumps(known, indent=1) + "\n")


def delete_key(base_url: str) -> bool:
    """Forget the key of an address; return whether there was one."""
    known = read_credentials()
    if known.pop(normalised(base_url), None) is None:
        return False
    write_private(credentials_path(), json.dumps(known, indent=1) + "\n")
    return True


class Anonymous(NamedTuple):
    """An anonymous account: its key, and the link that shows its runs and lets somebody claim them."""

    key: str
    link: str


def read_anonymous(base_url: str) -> Anonymous | None:
    """Return the anonymous account that this person has at an address, None without one (I-48)."""
    known, address = read_credentials(), normalised(base_url)
    key = known.get(_ANONYMOUS + address)
    return Anonymous(key, known.get(_ANONYMOUS_LINK + address, "")) if key else None


def write_anonymous(base_url: str, account: Anonymous | None) -> None:
    """Remember the anonymous account for an address; None: forget it."""
    known, address = read_credentials(), normalised(base_url)
    for prefix, value in (
        (_ANONYMOUS, account and account.key),
        (_ANONYMOUS_LINK, account and account.link),
    ):
        if value:
            known[prefix + address] = value
        else:
            known.pop(prefix + address, None)
    write_private(credentials_path(), json.dumps(known, indent=1) + "\n")


def fault_of_key(key: str) -> str:
    """Return why this can be no key, "" if it can."""
    if len(key) < KEY_CHARACTERS_MIN:
        return f"it has {len(key)} characters, keys have {KEY_CHARACTERS_MIN} or more"
    if not (key.isascii() and key.isprintable()) or " " in key:
        return "it contains something else than printable ASCII"
    return ""


def shown_key(key: str) -> str:
    """Return what may be shown of a key: the part that names it and keeps nothing secret."""
    return f"{key[:8]}…" if len(key) >= 24 else "…"


def _netrc_key(address: str, env: Mapping[str, str]) -> str:
    path = env.get("NETRC") or os.path.expanduser("~/.netrc")
    if not os.path.exists(path):
        return ""
    import netrc

    parts = urlsplit(address)
    try:
        hosts = netrc.netrc(path).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return ""
    # Only an entry for this very host: `default` may be meant for anybody.
    found = hosts.get(parts.netloc) or hosts.get(parts.hostname or "")
    return (found[2] or "") if found else ""
