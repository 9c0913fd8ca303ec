"""Media in rows: names, steps, nesting, and what goes wrong: M-00, M-13, M-14, S-07, C-09, L-08, L-15."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kiseki
from kiseki.record.types import File, Row
from kiseki.sdk.config import Config
from kiseki.sdk.media.batch import SEGMENTS_MAX, file_stem
from kiseki.sdk.summary import Summary
from kiseki.sdk.values import Normaliser
from tests.unit.sdk.recording import fold_of
from tests.unit.sdk_media.conftest import Logged

IMAGE = kiseki.Image(np.arange(12, dtype=np.uint8).reshape(3, 4))


def image_of(number: int) -> kiseki.Image:
    return kiseki.Image(np.full((2, 2), number, np.uint8))


def steps_in_names(logged: Logged, key: str = "m") -> list[tuple[int, int]]:
    """(step of the row, step in the file's name) of every row with the key."""
    return [
        (row.step, int(value["path"].rsplit("_", 2)[1]))
        for row in logged.logged()
        for path, value in zip(row.paths, row.values, strict=True)
        if path == key
    ]


def test_the_records_of_the_files_come_before_the_row(logged: Logged) -> None:  # M-00
    masks = {"p": {"mask_data": [[0, 1]]}}
    logged.log({"m": kiseki.Image(np.zeros((1, 2)), masks=masks), "x": 1})
    kinds = [type(record) for record in logged.records()]
    assert kinds.index(Row) > max(at for at, kind in enumerate(kinds) if kind is File)
    assert kinds.count(File) == 2
    logged.check_files()


def test_every_step_has_its_file(logged: Logged) -> None:  # M-14
    for number in range(3):
        logged.log({"m": image_of(number)})
    logged.log({"m": image_of(0)})
    assert steps_in_names(logged) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert len({record.path for record in logged.file_records()}) == 4
    logged.check_files()


def test_the_step_of_open_rows(logged: Logged) -> None:  # L-02, L-03, L-04
    logged.log({"m": image_of(0)}, commit=False)
    logged.log({"m": image_of(1)}, commit=False)
    logged.log({"x": 1})
    logged.log({"m": image_of(2)}, step=10)
    logged.log({"m": image_of(3)})
    logged.log({"m": image_of(4)}, step=5)
    logged.log({"m": image_of(5)}, step=20, commit=True)
    logged.log({"m": image_of(6)})
    assert steps_in_names(logged) == [(n, n) for n in (0, 0, 10, 10, 5, 20, 21)]
    logged.check_files()


def test_threads_that_log_at_once(logged: Logged) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            logged.log({"m": image_of(10 * number + turn)} if turn % 2 else {"x": turn})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = steps_in_names(logged)
    assert len(found) == 40 and all(step == named for step, named in found)
    assert len({row.step for row in logged.logged()}) == 80
    logged.check_files()


def test_one_image_of_many_threads(logged: Logged) -> None:
    for turn in range(20):
        image = image_of(turn)
        threads = [threading.Thread(target=logged.log, args=({"m": image},)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(steps_in_names(logged)) == 80
    logged.check_files()


def test_nested_media(logged: Logged) -> None:  # M-13
    data = {"val": {"a": IMAGE, "b": {3: IMAGE, "x": 1}}, "mixed": [1, IMAGE, {"deep": IMAGE}]}
    logged.log(data)
    logged.check_files()
    (row,) = logged.values()
    assert row["val.a"]["path"].startswith("media/images/val.a_0_")
    assert row["val.b.3"]["path"].startswith("media/images/val.b.3_0_")
    assert row["val.b.x"] == 1 and row["mixed"][0] == 1
    assert row["mixed"][1]["_type"] == row["mixed"][2]["deep"]["_type"] == "image-file"
    assert data["val"]["a"] is IMAGE and data["mixed"][1] is IMAGE  # L-14


def test_lists_of_other_media_are_lists(logged: Logged) -> None:
    value = logged.value([kiseki.Html("a"), kiseki.Html("b")])
    assert [item["_type"] for item in value] == ["html-file"] * 2
    assert value[0]["path"] != value[1]["path"]
    assert [item["_type"] for item in logged.value({kiseki.Html("a")}, "s")] == ["html-file"]


def test_keys_that_are_no_file_names(logged: Logged) -> None:
    keys = ["../../etc", "/abs", "a//b", "ü/漢字", "c:\\x", "a.b", "..", "", "nul\0", "x" * 9000]
    for key in keys:
        logged.log({key: IMAGE})
    logged.check_files()
    for record in logged.file_records():
        assert (logged.files / record.path).resolve().is_relative_to(logged.files / "media/images")
        assert ".." not in record.path.split("/")
    paths = [record.path.split("/", 2)[2] for record in logged.file_records()]
    assert paths[2].startswith("a/_/b_2_") and paths[3].startswith("ü/漢字_3_")
    assert paths[5].startswith("a.b_5_")


@given(st.text(max_size=300) | st.lists(st.text(max_size=200), max_size=20).map("/".join))
def test_a_stem_is_a_relative_path_for_every_key(key: str) -> None:
    segments = file_stem(key.replace("\\", "\\\\").replace(".", "\\.")).split("/")
    assert 1 <= len(segments) <= SEGMENTS_MAX
    for segment in segments:
        assert 0 < len(segment.encode()) <= 160
        assert segment.strip(". ") == segment and not set(segment) & set('\0\\:*?"<>|\n')


def test_the_same_keys_again_with_and_without_media(logged: Logged) -> None:
    logged.log({"m": 1.0, "x": 1})
    logged.log({"m": IMAGE, "x": 2})
    logged.log({"m": 3.0, "x": 3})
    logged.log({"m": {"n": 1}, "x": 4})
    logged.log({"m": IMAGE, "x": np.float32(5)})
    found = [row.get("m", {}) for row in logged.values()]
    assert found[0] == 1.0 and found[2] == 3.0
    assert found[1]["_type"] == found[4]["_type"] == "image-file"


def test_a_row_that_is_refused_leaves_nothing(logged: Logged) -> None:  # L-08
    bad: list[dict[Any, Any]] = [{"m": IMAGE, "y": object()}, {"m": IMAGE, 3: 1}]
    bad.append({"m": IMAGE, "y": 10**5000})
    loop: list[Any] = [IMAGE]
    loop.append(loop)
    bad.append({"m": loop})
    for data in bad:
        with pytest.raises(kiseki.UsageError):
            logged.log(data)
    assert not logged.logged() and not logged.file_records() and logged.rows.step == 0
    assert not [path for path in logged.files.rglob("*") if path.is_file()]
    assert not list(logged.tmp.iterdir())


def test_after_the_end(logged: Logged) -> None:
    logged.rows.close()
    with pytest.raises(kiseki.errors.RunStateError):
        logged.log({"m": IMAGE})
    with pytest.raises(kiseki.errors.RunStateError):
        logged.rows.keep_media({"m": IMAGE}, ())
    assert not list(logged.tmp.iterdir()) and not logged.file_records()


def test_a_folder_that_takes_no_files(logged: Logged) -> None:  # reliability 2.8
    logged.tmp.rmdir()
    logged.log({"m": IMAGE, "x": 1, "l": [IMAGE, IMAGE], "t": kiseki.Table(["i"], [[IMAGE]])})
    (row,) = logged.values()
    assert row["x"] == 1 and row["m"] == {
        "_type": "replaced",
        "reason": "its file cannot be kept: No such file or directory",
        "was": "image-file",
    }
    assert row["l"]["_type"] == row["t"]["_type"] == "replaced"
    assert [path for path, _ in logged.replaced] == ["m", "l", "t"]
    logged.tmp.mkdir()
    logged.files.rmdir()
    logged.files.write_text("a file where the folder was")
    logged.log({"m": IMAGE, "x": 2})
    assert logged.values()[1]["m"]["_type"] == "replaced" and not list(logged.tmp.iterdir())


def test_a_source_that_is_gone(logged: Logged, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    video = kiseki.Video(str(path))
    path.unlink()
    logged.log({"m": video, "x": 1})
    assert logged.values()[0]["x"] == 1 and logged.values()[0]["m"]["_type"] == "replaced"


def test_media_in_the_summary(logged: Logged) -> None:  # S-07
    normaliser = Normaliser(lambda path, reason: None)
    summary = Summary(
        lambda: logged.rows.fold().summary, logged.rows.change, normaliser, logged.rows.keep_media
    )
    logged.log({"x": 1})
    summary["best"] = IMAGE
    summary.update({"hist": kiseki.Histogram([1, 2]), "n": np.arange(3), "deep": {"t": IMAGE}})
    summary.deep["u"] = [IMAGE, IMAGE]
    summary["curve"] = kiseki.plot.histogram(kiseki.Table(["a"], [[1]]), "a")
    logged.check_files()
    found = fold_of(logged.records()).summary
    assert found["best"]["path"].startswith("media/images/best_1_")
    assert found["hist"]["_type"] == "histogram" and found["n"] == [0, 1, 2]
    assert found["deep"]["t"]["path"].startswith("media/images/deep.t_1_")
    assert found["deep"]["u"]["filenames"][0].startswith("media/images/deep.u_1_")
    assert found["curve"]["table"] == "curve_table"
    assert found["curve_table"]["_type"] == "table-file"
    assert summary["best"] == found["best"]


def test_media_in_the_config() -> None:  # C-09
    config = Config(lambda record: None, allow_val_change=True)
    for value in (IMAGE, {"deep": [IMAGE]}, kiseki.Histogram([1]), kiseki.Table()):
        with pytest.raises(TypeError, match="only log"):
            config["x"] = value
    assert dict(config) == {}


def test_logging_from_within_a_write(logged: Logged) -> None:
    """A signal handler that logs an image while a row is being written."""
    logged.log({"x": 0})
    logged.stream.busy = True
    logged.log({"m": IMAGE})
    logged.stream.busy = False
    assert not logged.file_records()
    logged.log({"x": 1})
    assert steps_in_names(logged) == [(2, 2)]
    logged.check_files()


def test_what_stands_for_media_elsewhere() -> None:
    disabled = kiseki.init(mode="disabled")
    disabled.log({"m": IMAGE, "x": 1, "plots": [kiseki.plot.histogram(kiseki.Table(["a"]), "a")]})
    disabled.summary["i"] = IMAGE
    assert disabled.summary["x"] == 1 and disabled.summary["m"] == {"_type": "image-file"}
    disabled.finish()


def test_unknown_objects_of_figure_libraries(logged: Logged) -> None:
    import matplotlib.colors

    with pytest.raises(TypeError, match="no plain form"):
        logged.log({"m": matplotlib.colors.Normalize()})
    assert not list(logged.tmp.iterdir())


BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PIL", "imageio_ffmpeg", "matplotlib", "pandas", "plotly"):
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
sys.argv = ["x"]
import os
os.environ["PATH"] = ""
import kiseki, numpy as np
assert "numpy" in sys.modules and "kiseki.sdk.media.base" not in sys.modules
run = kiseki.init(mode="offline", settings={"silent": True})
run.log({"image": kiseki.Image(np.zeros((2, 2))), "audio": kiseki.Audio(np.zeros(9), 8000)})
run.log({"table": kiseki.Table(["a"], [[1]]), "html": kiseki.Html("x"),
         "points": kiseki.Object3D(np.zeros((1, 3))), "plot": kiseki.plot.roc_curve([0, 1], [0, 1])})
assert {value["_type"] for key, value in run.summary.items() if key[0] != "_"} == {
    "image-file", "audio-file", "table-file", "html-file", "object3D-file", "plot"}
open("a.png", "w").close()
for make in (
    lambda: kiseki.Image("a.png"),
    lambda: kiseki.Image(np.zeros((2, 2)), file_type="jpg"),
    lambda: kiseki.Image(np.zeros((2, 2)), mode="L"),
    lambda: kiseki.Video(np.zeros((2, 3, 2, 2))),
    lambda: kiseki.Video(np.zeros((2, 3, 2, 2)), format="mp4"),
    lambda: kiseki.Table().get_dataframe(),
):
    try:
        make()
    except kiseki.Error as error:
        assert "pip install" in str(error) and not isinstance(error, kiseki.UsageError)
    else:
        raise SystemExit("no error")
run.finish()
"""


def test_what_works_without_optional_libraries() -> None:  # M-00
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
