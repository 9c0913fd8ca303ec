"""Writing what a server names below a folder (reliability 5.6)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from kiseki.client.download import write_below
from kiseki.errors import DataError, UsageValueError
from tests.unit.base.test_paths import NEVER, NOT_HERE


@pytest.mark.parametrize("name", [*NEVER, *NOT_HERE])
def test_names_that_escape_are_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    with pytest.raises(UsageValueError, match="not downloaded"):
        write_below(root, name, [b"x"])
    assert not root.exists() and not (tmp_path / "x").exists()


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"abc").hexdigest()
    path = write_below(tmp_path / "new", "a/b/c.txt", [b"a", b"", b"bc"], digest)
    assert path == tmp_path / "new/a/b/c.txt" and path.read_bytes() == b"abc"
    write_below(tmp_path / "new", "a/b/c.txt", [b"other"])
    assert path.read_bytes() == b"other"
    assert [entry.name for entry in path.parent.iterdir()] == ["c.txt"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "target").write_text("mine")
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "target")
    with pytest.raises(UsageValueError, match="link"):
        write_below(root, "folder/x", [b"x"])
    write_below(root, "file", [b"x"])  # replaces the link
    assert (outside / "target").read_text() == "mine"
    assert sorted(entry.name for entry in outside.iterdir()) == ["target"]
    assert not (root / "file").is_symlink() and (root / "file").read_text() == "x"


def test_other_content_than_named_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    with pytest.raises(DataError):
        write_below(tmp_path, "a", [b"x"], "ab" * 32)

    def broken() -> object:
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_below(tmp_path, "a", broken())  # type: ignore[arg-type]
    assert (tmp_path / "a").read_text() == "before"
    assert os.listdir(tmp_path).count("a") == 1
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
