"""Which server, which key: only pairs, never a key in a message (design §3.6, reliability 5.5)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kiseki.client import registry
from kiseki.client.credentials import (
    DEFAULT_BASE_URL,
    Target,
    aliases,
    credentials_path,
    delete_key,
    is_loopback,
    normalised,
    read_credentials,
    resolve,
    shown_key,
    write_key,
)
from kiseki.client.folders import config_dir, data_dir
from kiseki.errors import UsageValueError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:7500/", "http://127.0.0.1:7500"),
        ("127.0.0.1:7500", "http://127.0.0.1:7500"),
        (" HTTPS://Tracker.Lab:443/base/ ", "https://tracker.lab/base"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_addresses_have_one_spelling(given: str, expected: str) -> None:
    assert normalised(given) == expected


@pytest.mark.parametrize(
    "given", ["", "ftp://x", "http://", "http://a:b@h", "http://h?q=1", "http://h:port"]
)
def test_other_addresses_are_refused(given: str) -> None:
    with pytest.raises(UsageValueError):
        normalised(given)


def test_loopback() -> None:
    assert is_loopback("http://127.0.0.1:1") and is_loopback("http://localhost")
    assert is_loopback("http://[::1]:3") and not is_loopback("http://tracker.lab")
    assert aliases("http://localhost:1")[1:] == ["http://127.0.0.1:1", "http://[::1]:1"]
    assert aliases("http://lab:1") == ["http://lab:1"]


def test_default_and_precedence() -> None:
    assert resolve(environ={}) == Target(DEFAULT_BASE_URL, "")
    env = {"KISEKI_BASE_URL": "http://a", "KISEKI_API_KEY": "k", "WANDB_BASE_URL": "http://b"}
    assert resolve(environ=env) == Target("http://a", "k")
    assert resolve("http://c", "mine", environ=env) == Target("http://c", "mine")


def test_wandb_variables_count_only_as_a_pair() -> None:
    # E-00: the key of another service is never sent here, nor ours there.
    assert resolve(environ={"WANDB_API_KEY": "theirs"}).key == ""
    pair = {"WANDB_API_KEY": "theirs", "WANDB_BASE_URL": "http://b"}
    assert resolve(environ=pair) == Target("http://b", "theirs")
    assert resolve("http://other", environ=pair).key == ""
    mixed = {"KISEKI_API_KEY": "ours", "WANDB_BASE_URL": "http://b"}
    assert resolve(environ=mixed) == Target(DEFAULT_BASE_URL, "ours")


def test_credentials_file_is_private_and_found_by_address() -> None:
    write_key("http://Lab:7500/", "ksk_one")
    write_key(DEFAULT_BASE_URL, "ksk_two")
    assert stat.S_IMODE(credentials_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(config_dir().stat().st_mode) == 0o700
    assert resolve("http://lab:7500", environ={}).key == "ksk_one"
    assert resolve("http://localhost:7500", environ={}).key == "ksk_two"
    assert delete_key("http://lab:7500") and not delete_key("http://lab:7500")
    assert read_credentials() == {DEFAULT_BASE_URL: "ksk_two"}


def test_a_spoiled_credentials_file_is_an_empty_one() -> None:
    write_key("http://lab", "x")
    credentials_path().write_text("[not what we wrote")
    assert read_credentials() == {}


def test_netrc_is_asked_last_and_only_for_this_host(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine lab login api password from-netrc\ndefault login a password any\n")
    path.chmod(0o600)
    env = {"NETRC": str(path)}
    assert resolve("http://lab:7500", environ=env).key == "from-netrc"
    assert resolve("http://elsewhere", environ=env).key == ""
    write_key("http://lab:7500", "from-file")
    assert resolve("http://lab:7500", environ=env).key == "from-file"


def test_a_key_is_never_shown() -> None:
    key = "ksk_abcdefgh" + "s3cret" * 8
    assert key not in repr(Target("http://a", key))
    assert shown_key(key) == "ksk_abcd…" and shown_key("short") == "…"


def test_folders_follow_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert config_dir() == Path(os.environ["KISEKI_CONFIG_DIR"])
    monkeypatch.delenv("KISEKI_CONFIG_DIR")
    monkeypatch.delenv("KISEKI_DATA_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert (config_dir(), data_dir()) == (tmp_path / "c/kiseki", tmp_path / "d/kiseki")


def test_registry_adds_lists_and_removes(tmp_path: Path) -> None:
    assert registry.entries() == []
    registry.add("b" * 32, tmp_path / "run-b", "http://lab", "rb")
    registry.add("a" * 32, tmp_path / "run-a", "", "ra")
    assert [(e.run, e.base_url) for e in registry.entries()] == [("rb", "http://lab"), ("ra", "")]
    assert registry.entries()[0].folder == str(tmp_path / "run-b")
    (data_dir() / "runs" / "spoiled.json").write_text("{")
    registry.remove("b" * 32)
    registry.remove("b" * 32)
    assert [e.run for e in registry.entries()] == ["ra"]
