"""reliability §5: keys, sessions, tokens, who may do what."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiseki.core import access, rights
from kiseki.core.access import Access
from kiseki.core.rights import Principal, can, check_can
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from kiseki.storage.embedded.meta import EmbeddedMeta

NOW = 1_700_000_000_000_000
OTHER_KEY = "0123456789abcdef" * 3


@pytest.fixture
def meta(tmp_path: Path):
    store = EmbeddedMeta(tmp_path / "meta.db")
    yield store
    store.close()


def test_the_first_start_makes_one_user_and_one_key(meta: EmbeddedMeta) -> None:
    """design §3 init 5."""
    first = access.ensure_first_user(meta, "ada")
    assert first.is_new and first.user.is_admin and first.user.entity == "ada"
    assert first.key is not None and first.key.startswith("ksk_") and len(first.key) >= 40
    again = access.ensure_first_user(meta, "eve")
    assert again == access.FirstUser(first.user, None, False)
    assert Access(meta).by_key(first.key).user == first.user


def test_a_given_first_key_is_taken_also_later(meta: EmbeddedMeta) -> None:
    access.ensure_first_user(meta, "ada", key=OTHER_KEY)
    access.ensure_first_user(meta, "ada", key=OTHER_KEY)
    access.ensure_first_user(meta, "ada", key=OTHER_KEY[::-1])
    for key in (OTHER_KEY, OTHER_KEY[::-1]):
        assert Access(meta).by_key(key).user.name == "ada"
    assert len(meta.keys(1)) == 2
    with pytest.raises(Invalid):
        access.ensure_first_user(meta, "ada", key="short")


def test_only_digests_are_stored(meta: EmbeddedMeta, tmp_path: Path) -> None:
    """reliability 5.5: neither key nor cookie nor token can be read from the files."""
    first = access.ensure_first_user(meta, "ada")
    token = access.make_token(meta, first.user)
    assert first.key is not None
    _, cookie = Access(meta).sign_in(key=first.key)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("meta.db*"))
    assert first.key[:12].encode() in stored
    for secret in (first.key[12:], token, cookie):
        assert secret.encode() not in stored


def test_wrong_expired_and_revoked_keys_are_refused(meta: EmbeddedMeta) -> None:
    first = access.ensure_first_user(meta, "ada")
    assert first.key is not None
    gate = Access(meta)
    for wrong in ("", "ksk_", first.key[:-1] + "!", first.key + "x", "x" * 10_000, "\udc80" * 60):
        with pytest.raises(Unauthenticated):
            gate.by_key(wrong)
    expired = access.create_key(meta, first.user, expires_us=1)
    with pytest.raises(Unauthenticated):
        gate.by_key(expired)
    gate.by_key(first.key)
    meta.drop_key(access.prefix_of(first.key))
    gate.forget()
    with pytest.raises(Unauthenticated):
        gate.by_key(first.key)


def test_a_principal_is_believed_for_seconds_only(meta: EmbeddedMeta) -> None:
    first = access.ensure_first_user(meta, "ada")
    assert first.key is not None
    now = [NOW]
    gate = Access(meta, lambda: now[0])
    gate.by_key(first.key)
    meta.drop_key(access.prefix_of(first.key))
    assert gate.known(first.key, "key") is not None
    now[0] += access.CACHE_US
    assert gate.known(first.key, "key") is None
    with pytest.raises(Unauthenticated):
        gate.by_key(first.key)


def test_a_sign_in_link_works_once_within_the_hour(meta: EmbeddedMeta) -> None:
    first = access.ensure_first_user(meta, "ada")
    gate = Access(meta)
    token = access.make_token(meta, first.user)
    who, cookie = gate.sign_in(token=token)
    assert who.user == first.user and who.via == "session"
    assert gate.by_cookie(cookie).user == first.user
    with pytest.raises(Unauthenticated):
        gate.sign_in(token=token)
    late = Access(meta, lambda: access.wall_us() + access.TOKEN_US)
    with pytest.raises(Unauthenticated):
        late.sign_in(token=access.make_token(meta, first.user))
    for wrong in ("", "x", cookie):
        with pytest.raises(Unauthenticated):
            gate.sign_in(token=wrong)


def test_sessions_end_when_signed_out_or_idle(meta: EmbeddedMeta) -> None:
    first = access.ensure_first_user(meta, "ada")
    now = [access.wall_us()]
    gate = Access(meta, lambda: now[0])
    _, cookie = gate.sign_in(key=first.key)
    _, other = gate.sign_in(key=first.key)
    gate.sign_out(other)
    with pytest.raises(Unauthenticated):
        gate.by_cookie(other)
    for _ in range(3):  # visited now and then, it lives on
        now[0] += access.SESSION_US - 1
        gate.by_cookie(cookie)
    now[0] += access.SESSION_US
    with pytest.raises(Unauthenticated):
        gate.by_cookie(cookie)


def test_who_may_do_what(meta: EmbeddedMeta) -> None:
    ada = access.create_user(meta, "ada")
    root = access.create_user(meta, "root", is_admin=True)
    owner = Principal(ada, {"ada": "owner"})
    assert can(owner, "read", "ada") and can(owner, "write", "ada") and can(owner, "admin", "ada")
    assert not can(owner, "read", "bob")
    assert can(Principal(root, {"root": "owner"}), "write", "ada")
    member = Principal(ada, {"team": "member"})
    assert can(member, "write", "team") and not can(member, "admin", "team")
    assert can(Principal(ada, {"team": "admin"}), "admin", "team", "any")
    viewer = Principal(ada, {"team": "viewer"})
    assert can(viewer, "read", "team") and not can(viewer, "write", "team")
    with pytest.raises(Forbidden, match="viewer"):
        check_can(viewer, "write", "team", "project team/x")
    bound = Principal(root, {"team": "admin"}, project="team/one")
    assert can(bound, "write", "team", "one")
    assert not can(bound, "read", "team", "two") and not can(bound, "read", "team")
    with pytest.raises(NotFound):
        check_can(bound, "read", "team", "project team/two", "two")
    reader = Principal(ada, {"ada": "owner"}, frozenset({"read"}))
    assert can(reader, "read", "ada") and not can(reader, "write", "ada")
    with pytest.raises(Forbidden):
        check_can(reader, "write", "ada", "project ada/x")
    with pytest.raises(NotFound):  # what one may not see does not exist
        check_can(owner, "read", "bob", "project bob/x")
    assert not any(can(rights.NOBODY, verb, "ada") for verb in rights.SCOPES)


def test_names_of_users_are_checked(meta: EmbeddedMeta) -> None:
    access.create_user(meta, "ada")
    with pytest.raises(Conflict):
        access.create_user(meta, "ada")
    with pytest.raises(Invalid):
        access.create_user(meta, "api")


def test_keys_are_random() -> None:
    keys = {access.make_key() for _ in range(200)}
    assert len(keys) == 200 == len({key[:12] for key in keys})
    assert all(len(key) == 55 for key in keys)
