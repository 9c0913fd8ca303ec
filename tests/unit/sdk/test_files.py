"""`run.save`, `run.log_code` and `save_code` in an offline run (A-01 … A-06, A-20, I-70)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import kiseki
from kiseki.errors import RunStateError
from kiseki.sdk.code import LoggedCode


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KISEKI_DISABLE_META", "true")
    monkeypatch.setenv("KISEKI_DISABLE_STATS", "true")
    run = kiseki.init(mode="offline", project="p", settings={"silent": True})
    yield run
    run.finish()


def write(path: str, text: str = "x") -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return Path(path).absolute()


def names(run: Any, found: list[str]) -> list[str]:
    return [os.path.relpath(path, run.dir) for path in found]


def named(run: Any) -> dict[str, str]:
    return dict(kiseki.open(run.sync_dir).files())


def test_files_appear_below_files_with_their_folders(run: Any) -> None:
    write("a/b/one.txt", "1")
    write("a/two.txt", "2")
    assert names(run, run.save("a/*.txt")) == ["a/two.txt"]
    assert names(run, kiseki.save("a/**", policy="now")) == ["a/b/one.txt", "a/two.txt"]
    assert named(run) == {"a/two.txt": "now", "a/b/one.txt": "now"}
    link = Path(run.dir, "a/b/one.txt")
    assert link.is_symlink() and link.read_text() == "1"
    write("a/b/one.txt", "changed")
    assert link.read_text() == "changed"


def test_the_base_path_decides_what_is_kept(run: Any) -> None:
    path = write("data/deep/m.bin")
    assert names(run, run.save("data/deep/m.bin", base_path="data")) == ["deep/m.bin"]
    assert names(run, run.save(path, base_path=path.parent)) == ["m.bin"]
    assert names(run, run.save(str(path))) == ["deep/m.bin"]  # one folder of an absolute path


def test_what_is_refused(run: Any) -> None:
    write("a.txt")
    with pytest.raises(ValueError, match="policy"):
        run.save("a.txt", policy="later")
    with pytest.raises(ValueError, match="above"):
        run.save("a.txt", base_path="elsewhere")
    with pytest.raises(ValueError, match="above"):
        run.save("../x")
    with pytest.raises(TypeError):
        run.save(None)
    with pytest.raises(TypeError):
        run.save(b"a.txt")
    assert run.save("nothing/*.pt") == []
    assert named(run) == {}


def test_a_file_of_the_run_stays_where_it_is(run: Any) -> None:
    inside = write(os.path.join(run.dir, "made/here.txt"), "x")
    assert names(run, run.save(str(inside))) == ["made/here.txt"]
    assert not inside.is_symlink() and named(run) == {"made/here.txt": "live"}


def test_copies_where_links_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.txt", "before")
    settings = {"silent": True, "symlink": False}
    with kiseki.init(mode="offline", project="p", settings=settings) as run:
        (copy,) = run.save("a.txt")
        path.write_text("after")
        assert not os.path.islink(copy) and Path(copy).read_text() == "before"


def test_copies_where_links_are_impossible(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OSError("no links here")

    write("a.txt", "x")
    monkeypatch.setattr(os, "symlink", refuse)
    (copy,) = run.save("a.txt")
    assert not os.path.islink(copy) and Path(copy).read_text() == "x"


def test_ignored_files_are_not_named() -> None:
    write("a.tmp")
    write("a.txt")
    settings = {"silent": True, "ignore_globs": "*.tmp,secret/*"}
    with kiseki.init(mode="offline", project="p", settings=settings) as run:
        assert len(run.save("a.*")) == 2
        assert named(run) == {"a.txt": "live"}


def test_after_the_end_nothing_is_saved(run: Any) -> None:
    run.finish()
    with pytest.raises(RunStateError):
        run.save("a.txt")
    with pytest.raises(RunStateError):
        run.log_code()


def test_code_below_a_folder(run: Any) -> None:
    write("src/train.py")
    write("src/deep/model.py")
    write("src/notes.txt")
    write(".git/hook.py")
    code = run.log_code("src")
    assert isinstance(code, LoggedCode)
    assert code.paths == ("code/train.py", "code/deep/model.py")
    assert named(run) == dict.fromkeys(code.paths, "now")
    assert not os.path.islink(os.path.join(run.dir, "code/train.py"))
    everything = run.log_code(include_fn=lambda path: path.endswith((".py", ".txt")))
    assert everything is not None
    assert set(everything.paths) == {
        "code/src/train.py",
        "code/src/deep/model.py",
        "code/src/notes.txt",
    }
    with_root = run.log_code(
        "src", exclude_fn=lambda path, root: os.path.relpath(path, root).startswith("deep")
    )
    assert with_root is not None and with_root.paths == ("code/train.py",)
    Path("empty").mkdir()
    assert run.log_code("empty") is None


def test_no_code_where_it_is_not_wanted() -> None:  # I-70
    write("train.py")
    settings = {"silent": True, "disable_code": True}
    with kiseki.init(mode="offline", project="p", save_code=True, settings=settings) as run:
        assert run.log_code() is None
        assert named(run) == {}


def test_a_disabled_run_saves_nothing() -> None:
    write("a.py")
    with kiseki.init(mode="disabled") as run:
        assert run.save("a.py") == []
        assert run.restore("a.py") is None
        assert run.log_code() is None
