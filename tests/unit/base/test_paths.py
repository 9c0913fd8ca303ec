"""Names of files: which there may be, and which may become paths (reliability 5.6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiseki.base.paths import code_path, fault_of_name, fault_of_path, is_ignored

NEVER = [
    "", "/etc/passwd", "../x", "a/../x", "a/./x", "a//x", "a/", "/", "..", ".", "a\0b", "a\nb",
    "x" * 4_097, "a\udfffb",
]  # fmt: skip
NOT_HERE = [
    "a\\b", "..\\x", "C:", "c:x", "a/C:\\x", "con", "CON.txt", "a/NUL", "aux.py", "com1", "LPT9.log", "a.",
    "a ", "a/b./c", "é" * 128,
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_names_that_no_file_has(name: str) -> None:
    assert fault_of_name(name) and fault_of_path(name)


@pytest.mark.parametrize("name", NOT_HERE)
def test_names_that_do_not_become_paths(name: str) -> None:
    assert not fault_of_name(name)
    assert fault_of_path(name)


@pytest.mark.parametrize(
    "name",
    ["a", "a/b/c.txt", "%2e%2e/x", "a;b", "a?b#c", "ünï", "...a", "..a", "コ/x y.pt", "conx"],
)
def test_names_of_files(name: str) -> None:
    assert not fault_of_name(name)
    assert not fault_of_path(name)


def test_ignored_names() -> None:
    globs = ["*.tmp", "secret/*"]
    assert is_ignored("a/b.tmp", globs) and is_ignored("secret/a/b", globs)
    assert not is_ignored("a/secret", globs) and not is_ignored("b.tmpl", globs)


def test_the_path_of_the_program(tmp_path: Path) -> None:  # I-70
    repository = tmp_path / "repo"
    (repository / ".git").mkdir(parents=True)
    (repository / "jobs").mkdir()
    assert code_path(str(repository / "jobs/train.py"), "/") == "jobs/train.py"
    assert code_path("train.py", str(repository / "jobs")) == "jobs/train.py"
    other = tmp_path / "other"
    (other / "a").mkdir(parents=True)
    assert code_path(str(other / "a/train.py"), str(other)) == "a/train.py"
    assert code_path(str(other / "train.py"), str(other / "a")) == "train.py"  # above the folder
