"""What the folders of several writers put before their tags."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiseki.integrations.tensorboard_folders import Folders


@pytest.mark.parametrize(
    ("folders", "prefixes"),
    [
        (["runs/a"], [""]),
        (["runs/a", "runs/a"], ["", ""]),
        (["runs/a", "runs/a/val", "runs/a/x/y"], ["", "val/", "x/y/"]),
        (["logs/train", "logs/validation"], ["train/", "validation/"]),  # as Keras does
        (["logs/m1/train", "logs/m1"], ["train/", ""]),
        (["runs/a", "runs/b", "runs/c/d"], ["", "b/", "c/d/"]),
        (["runs/a/b", "runs/a"], ["", "a/"]),
        (["~/x/train"], ["train/"]),
    ],
)
def test_prefixes(folders: list[str], prefixes: list[str]) -> None:
    found = Folders()
    assert [found.place(folder).prefix for folder in folders] == prefixes


def test_a_root_that_is_known_beforehand(tmp_path: Path) -> None:
    found = Folders(str(tmp_path))
    place = found.place(str(tmp_path / "one" / "two"))
    assert place == ("one/two/", str(tmp_path))


def test_files_keep_the_path_that_their_tags_have(tmp_path: Path) -> None:
    found = Folders()
    for name in ("run", "run/eval", "other"):
        place = found.place(str(tmp_path / name))
        assert os.path.join(place.base, place.prefix).rstrip("/") == str(tmp_path / name)


def test_a_bucket_is_no_folder_of_this_machine() -> None:
    found = Folders()
    assert found.place("gs://bucket/run").prefix == ""
    assert found.place("gs://bucket/run/val/").prefix == "val/"
